import { ENUMS, INPUTS } from '../../generated/graphql/inputs.js'
import { API_VERSION, KIND_SPECS, KINDS, type Kind } from './kinds.js'
import { fieldsOf } from './state.js'

/** A part of a JSON Schema. */
type Schema = Readonly<Record<string, unknown>>

/** The JSON Schema (draft 2020-12) of state files, made of the inputs of the mutations, for editors to complete and check with. */
export function stateSchema(): Schema {
  const lists = { type: 'object', additionalProperties: false }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'State file of Valhalla',
    type: 'object',
    required: ['apiVersion'],
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      apiVersion: { const: API_VERSION },
      owns: {
        ...lists,
        description: 'Prefixes; only what begins with one of them is pruned.',
        properties: listsOf(() => ({ type: 'string', minLength: 1 })),
      },
      leave: {
        ...lists,
        description: 'Fields that are set when an object is made, and then left to operators.',
        properties: listsOf((kind) => ({ enum: fieldsOf(kind) })),
      },
      expect: {
        type: 'object',
        additionalProperties: false,
        required: ['clients'],
        properties: {
          clients: mapOf({ type: 'object', additionalProperties: false, required: ['role'], properties: { role: schemaOf('Role') } }),
        },
      },
      ...Object.fromEntries(KINDS.map((kind) => [kind, mapOf(objectSchema(kind))])),
    },
  }
}

function listsOf(items: (kind: Kind) => Schema): Schema {
  return Object.fromEntries(KINDS.map((kind) => [kind, { type: 'array', items: items(kind) }]))
}

function mapOf(items: Schema): Schema {
  return { type: ['object', 'null'], additionalProperties: items }
}

function objectSchema(kind: Kind): Schema {
  const { input, required } = KIND_SPECS[kind]
  const properties = fieldsOf(kind).map((field) => [field, fieldSchema(input, field)])
  // An object that has its defaults alone may be empty.
  return {
    type: required.length > 0 ? 'object' : ['object', 'null'],
    additionalProperties: false,
    required,
    properties: Object.fromEntries(properties),
  }
}

function fieldSchema(input: string, field: string): Schema {
  const { type = '', description = '', default: fallback } = INPUTS[input]?.[field] ?? {}
  return { description, ...schemaOf(type), ...(fallback === undefined ? {} : { default: fallback }) }
}

const SCALARS: Readonly<Record<string, string>> = { String: 'string', ID: 'string', Boolean: 'boolean', Float: 'number', Int: 'integer' }

/** The schema of a GraphQL type; what may be null takes null as well. */
function schemaOf(type: string): Schema {
  const of = type.replace(/!$/, '')
  const isNullable = of === type
  const known = ENUMS[of]
  if (known) return { enum: [...Object.keys(known), ...(isNullable ? [null] : [])] }
  if (of.startsWith('[')) return { type: isNullable ? ['array', 'null'] : 'array', items: schemaOf(of.slice(1, -1)) }
  const fields = INPUTS[of]
  if (!fields) return SCALARS[of] ? { type: isNullable ? [SCALARS[of], 'null'] : SCALARS[of] } : {}
  const required = Object.entries(fields).flatMap(([name, field]) =>
    field.type.endsWith('!') && field.default === undefined ? [name] : [],
  )
  const properties = Object.fromEntries(Object.keys(fields).map((name) => [name, fieldSchema(of, name)]))
  return { type: isNullable ? ['object', 'null'] : 'object', additionalProperties: false, required, properties }
}
