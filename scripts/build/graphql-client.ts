import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outputIntrospectionFile } from '@gql.tada/internal'
import { buildSchema, type GraphQLNamedType, type GraphQLSchema, introspectionFromSchema, isEnumType, isInputObjectType } from 'graphql'

/**
 * Part of `npm run build`: writes src/generated/graphql from schema.graphql, for what speaks to the server over HTTP:
 * `introspection.d.ts` gives documents their types, and `inputs.ts` says what inputs hold, for options and for state files.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folder = resolve(ROOT, 'src/generated/graphql')
const schema = buildSchema(readFileSync(resolve(ROOT, 'schema.graphql'), 'utf8'))

// Without its end, which would make this schema the one of every document in the project.
const types = outputIntrospectionFile(introspectionFromSchema(schema), { fileType: '.d.ts', shouldPreprocess: true })
write('introspection.d.ts', types.slice(0, types.indexOf("import * as gqlTada from 'gql.tada'")))
write('inputs.ts', inputsOf(schema))
console.log('generated src/generated/graphql')

function write(name: string, text: string): void {
  const path = resolve(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function inputsOf(given: GraphQLSchema): string {
  const named = Object.values(given.getTypeMap()).filter(({ name }) => !name.startsWith('__'))
  const inputs = Object.fromEntries(named.filter(isInputObjectType).map((type) => [type.name, fieldsOf(type)]))
  const enums = Object.fromEntries(
    named
      .filter(isEnumType)
      .map((type) => [type.name, Object.fromEntries(type.getValues().map(({ name, description }) => [name, description ?? '']))]),
  )
  const fields = given.getMutationType()?.getFields() ?? {}
  const mutations = Object.fromEntries(Object.values(fields).map(({ name, description }) => [name, description ?? '']))
  return `/** One field of an input: its GraphQL type, what it means, and the default that the server gives it. */
export interface InputField {
  readonly type: string
  readonly description: string
  readonly default?: unknown
}
/** The fields of every input. */
export const INPUTS: Readonly<Record<string, Readonly<Record<string, InputField>>>> = ${JSON.stringify(inputs, null, 1)}
/** What the values of every enum mean. */
export const ENUMS: Readonly<Record<string, Readonly<Record<string, string>>>> = ${JSON.stringify(enums, null, 1)}
/** What every mutation does. */
export const MUTATIONS: Readonly<Record<string, string>> = ${JSON.stringify(mutations, null, 1)}
`
}

function fieldsOf(type: GraphQLNamedType): Record<string, unknown> {
  if (!isInputObjectType(type)) return {}
  return Object.fromEntries(
    Object.values(type.getFields()).map(({ name, type: of, description, defaultValue }) => [
      name,
      { type: String(of), description: description ?? '', ...(defaultValue === undefined ? {} : { default: defaultValue }) },
    ]),
  )
}
