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
import { describe, expect, test } from 'vitest'
import { packs } from '../../src/packs/index.js'
import { printSorted, schemaOf } from '../../src/server/schema.js'

const contract = buildFromText(readFileSync(new URL('./contract.graphql', import.meta.url), 'utf8'), { assumeValidSDL: true })
const emitted = buildFromText(printSorted(schemaOf(packs)))

/**
 * Root fields of the contract that are served. What is missing is printed, and this list only ever grows: taking a field
 * away that is in it fails.
 */
const SERVED = {
  Query: [
    'config',
    'configs',
    'featureFlag',
    'featureFlags',
    'isFeatureEnabled',
    'evaluateFlag',
    'evaluateFlags',
    'viewer',
    'apiClient',
    'apiClients',
    'auditEvents',
    'change',
    'changes',
    'systemStatus',
    'systemSummary',
    'packs',
    'pack',
    'maintenanceState',
    'maintenanceWindow',
    'maintenanceWindows',
    'rateLimitRule',
    'rateLimitRules',
    'rateLimitSnapshots',
    'deploymentProfile',
    'smokeTestRun',
    'smokeTestRuns',
    'smokeChecks',
  ],
  Mutation: [
    'setConfig',
    'deleteConfig',
    'unlockConfig',
    'setFeatureFlag',
    'deleteFeatureFlag',
    'markBackendComplete',
    'markBackendIncomplete',
    'updateSystemVersion',
    'setMaintenanceMode',
    'scheduleMaintenanceWindow',
    'cancelMaintenanceWindow',
    'setRateLimitRule',
    'deleteRateLimitRule',
    'consumeRateLimit',
    'registerApiClient',
    'activateApiClient',
    'deactivateApiClient',
    'rotateApiKey',
    'verifyApiKey',
    'runSmokeTest',
    'setSmokeCheck',
    'deleteSmokeCheck',
  ],
  Subscription: ['changes', 'maintenanceState', 'smokeTestProgress'],
} as const

/** `Type.field` of the contract that are not served yet although their type is, with the reason. */
const LATER_FIELDS: ReadonlySet<string> = new Set()

function rootFields(schema: GraphQLSchema, root: keyof typeof SERVED): string[] {
  return Object.keys(schema.getType(root) ? (schema.getRootType(root.toLowerCase() as never)?.getFields() ?? {}) : {})
}

/** Every named place of a schema that can carry a description: types, fields, arguments, enum values. */
function* describedPlaces(schema: GraphQLSchema): Generator<{ place: string; description: string | null | undefined }> {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type) || ['Query', 'Mutation', 'Subscription'].includes(type.name)) continue
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
  test('breaks nothing that the contract promises, but for what is served later', () => {
    const missingRoots = (['Query', 'Mutation', 'Subscription'] as const).flatMap((root) => {
      const served = new Set(rootFields(emitted, root))
      return rootFields(contract, root).flatMap((field) => (served.has(field) ? [] : [`${root}.${field}`]))
    })
    const breaking = findBreakingChanges(contract, emitted)
    const isLater = (description: string): boolean =>
      [...missingRoots, ...LATER_FIELDS].some((field) => description === `${field} was removed.`) || isUnreachable(description)
    const broken = breaking.filter(({ description }) => !isLater(description)).map(({ description }) => description)
    console.log(`contract: ${missingRoots.length} root fields are served later: ${missingRoots.join(', ') || 'none'}`)
    console.log(`contract: ${breaking.length - broken.length - missingRoots.length} types and fields follow from those`)
    expect(broken).toEqual([])
    const defaults = findDangerousChanges(contract, emitted).filter(({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE)
    expect(defaults.map(({ description }) => description)).toEqual([])
  })

  test('serves what it has served before', () => {
    for (const root of ['Query', 'Mutation', 'Subscription'] as const)
      expect(rootFields(emitted, root)).toEqual(expect.arrayContaining([...SERVED[root]]))
  })

  test('describes every type, field, argument and enum value, for a person in Sandbox', () => {
    const places = [...describedPlaces(emitted)]
    expect(places.filter(({ description }) => !description || description.trim().length < 8).map(({ place }) => place)).toEqual([])
    expect(places.length).toBeGreaterThan(300)
  })
})

/** A type that only missing root fields lead to cannot be in the emitted schema yet. */
function isUnreachable(description: string): boolean {
  const [, name] = /^(\w+) was removed\.$/.exec(description) ?? []
  if (!name) return false
  return !reachableFromServed().has(name)
}

/** Names of the contract's types that its served root fields lead to. */
function reachableFromServed(): Set<string> {
  const seen = new Set<string>()
  const visit = (name: string): void => {
    const type = contract.getType(name)
    if (!type || seen.has(name)) return
    seen.add(name)
    if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) visit(named(field.type))
    if (!isObjectType(type)) return
    for (const field of Object.values(type.getFields())) {
      if (LATER_FIELDS.has(`${name}.${field.name}`)) continue
      visit(named(field.type))
      for (const argument of field.args) visit(named(argument.type))
    }
  }
  for (const root of ['Query', 'Mutation', 'Subscription'] as const) {
    const served = new Set(rootFields(emitted, root))
    for (const field of Object.values(contract.getRootType(root.toLowerCase() as never)?.getFields() ?? {})) {
      if (!served.has(field.name)) continue
      visit(named(field.type))
      for (const argument of field.args) visit(named(argument.type))
    }
  }
  return seen
}

function named(type: { toString(): string }): string {
  return type.toString().replaceAll(/[[\]!]/g, '')
}
