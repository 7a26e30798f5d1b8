import { readFileSync } from 'node:fs'
import {
  buildSchema as buildFromText,
  DangerousChangeType,
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { packs } from '../../src/packs/index.js'
import { buildPackSchema, printSorted } from '../../src/server/schema.js'
import { NOT_YET } from './not-yet.js'

const contract = buildFromText(readFileSync(new URL('./contract.graphql', import.meta.url), 'utf8'), { assumeValidSDL: true })
const emitted = buildFromText(printSorted(buildPackSchema(packs)))

/** `Query.config` and so on. */
function rootFields(schema: GraphQLSchema): string[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  return roots.flatMap((root) => Object.keys(root?.getFields() ?? {}).map((field) => `${root?.name}.${field}`))
}

/** Every named place of a schema that can carry a description: types, fields, arguments, enum values. */
function* describedPlaces(schema: GraphQLSchema): Generator<{ place: string; description: string | null | undefined }> {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue
    yield { place: type.name, description: type.description }
  }
  for (const type of Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type))) {
    if (isEnumType(type))
      for (const value of type.getValues()) yield { place: `${type.name}.${value.name}`, description: value.description }
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) yield { place: `${type.name}.${field.name}`, description: field.description }
    if (!isObjectType(type) && !isInterfaceType(type)) continue
    for (const field of Object.values(type.getFields())) {
      yield { place: `${type.name}.${field.name}`, description: field.description }
      for (const argument of field.args) yield { place: `${type.name}.${field.name}(${argument.name})`, description: argument.description }
    }
  }
}

describe('the emitted schema', () => {
  it('serves the contract but for what is listed as not yet served, and breaks nothing that it promises', () => {
    const [promised, served] = [rootFields(contract), new Set(rootFields(emitted))]
    const missing = promised.filter((field) => !served.has(field))
    console.log(`contract: ${promised.length} root fields, ${missing.length} not served: ${missing.join(', ') || 'none'}`)
    expect(
      findBreakingChanges(contract, emitted)
        .map(({ description }) => description)
        .sort(),
    ).toEqual([...NOT_YET])
    const defaults = findDangerousChanges(contract, emitted).filter(({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE)
    expect(defaults.map(({ description }) => description)).toEqual([])
  })

  it('describes every type, field, argument and enum value, for a person in Sandbox', () => {
    const places = [...describedPlaces(emitted)]
    const undescribed = places.filter(({ description }) => !description || description.trim().length < 8)
    expect(undescribed.map(({ place }) => place).sort()).toEqual([])
    expect(places.length).toBeGreaterThan(300)
  })
})
