import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql'

/** How deep a sample looks into what it gets. */
const MAX_DEPTH = 3

/** Values that make sense to the operation, by the name of the argument or field, before its type is asked. */
const BY_NAME: Readonly<Record<string, string>> = {
  key: '"example/key"',
  name: '"example"',
  reason: '"trying it out"',
  startsAt: '"2099-01-01T00:00:00.000Z"',
  endsAt: '"2099-01-01T01:00:00.000Z"',
  first: '5',
}

/** Values by the name of the type. */
const BY_TYPE: Readonly<Record<string, string>> = {
  ID: '"example"',
  String: '"example"',
  Int: '1',
  Float: '1',
  Boolean: 'true',
  JSON: '{ example: true }',
  DateTimeISO: '"2099-01-01T00:00:00.000Z"',
  SemVer: '"1.0.0"',
  URL: '"http://127.0.0.1:4000"',
}

/**
 * A document that runs as it stands: what the operation needs (or `given`, where it says so itself), and the plain fields
 * of what it answers.
 */
export function sampleOf(kind: string, field: GraphQLField<unknown, unknown>, given?: string): string {
  const inputs = given ?? field.args.filter(isRequiredArgument).map(writeArgument).join(', ')
  const selection = selectionOf(field.type, 1)
  return `${kind} {\n  ${field.name}${inputs ? `(${inputs})` : ''}${selection ? ` ${selection}` : ''}\n}`
}

function writeArgument({ name, type }: GraphQLArgument | GraphQLInputField): string {
  return `${name}: ${literalOf(name, type)}`
}

function literalOf(name: string, type: GraphQLInputType): string {
  if (isNonNullType(type)) return literalOf(name, type.ofType)
  if (isListType(type)) return `[${literalOf(name, type.ofType)}]`
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields())
    const needed = type.isOneOf ? fields.slice(0, 1) : fields.filter(isRequiredInputField)
    return needed.length === 0 ? '{}' : `{ ${needed.map(writeArgument).join(', ')} }`
  }
  if (isEnumType(type)) return type.getValues()[0]?.name ?? 'null'
  return BY_NAME[name] ?? BY_TYPE[type.name] ?? '"example"'
}

/** Every field that needs no arguments: leaves all the way, objects down to {@link MAX_DEPTH}. */
function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type)
  if (!isObjectType(named)) return ''
  const parts = Object.values(named.getFields()).flatMap((field) => {
    if (field.args.some(isRequiredArgument) || field.deprecationReason) return []
    if (isLeafType(getNamedType(field.type))) return [field.name]
    // Connections hold their items twice: once is enough in a sample. Where a field can be paged, one item is.
    if (depth >= MAX_DEPTH || field.name === 'edges' || isPaged(field)) return []
    const nested = selectionOf(field.type, depth + 1)
    return nested ? [`${field.name} ${nested}`] : []
  })
  if (parts.length === 0) return '{ __typename }'
  const indent = '  '.repeat(depth + 1)
  return `{\n${parts.map((part) => `${indent}${part}`).join('\n')}\n${'  '.repeat(depth)}}`
}

function isPaged(field: GraphQLField<unknown, unknown>): boolean {
  return field.args.some(({ name }) => name === 'first')
}
