import {
  type GraphQLFieldResolver,
  GraphQLInputObjectType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { buildSchemaSync, type ClassType, getMetadataStorage, type NonEmptyArray, type PubSub } from 'type-graphql'
import { packExtension, policyOf } from '../core/contract/operation.js'
import type { Pack } from '../core/contract/pack.js'

/** The key in an input type's extensions that makes it a `@oneOf` type. */
const ONE_OF = 'isOneOf'

/** What a person in Sandbox reads first. */
const ROOT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  Query: 'What can be read. The state is answered from memory, all of one call at one revision; the logs come from the database.',
  Mutation: 'What can be done. Every write is one command in the change log, with who did it and why.',
  Subscription: 'What can be followed as it happens, over a WebSocket at this same path (graphql-transport-ws).',
}

/** TypeGraphQL wants one for any subscription; ours bring their own source, so that nothing ever goes through it. */
const NO_PUB_SUB: PubSub = {
  publish: () => undefined,
  subscribe: (topic) => {
    throw new TypeError(`the subscription on ${topic} needs a \`subscribe\` of its own`)
  },
}

/** Builds the schema of resolver classes, which hold no state. Not guarded yet: see {@link guardSchema}. */
export function buildSchema(resolvers: readonly ClassType<object>[]): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [...resolvers] as unknown as NonEmptyArray<ClassType<object>>,
    validate: false,
    skipCheck: true,
    emitSchemaFile: false,
    orphanedTypes: [],
    pubSub: NO_PUB_SUB,
  })
  const types = schema.getTypeMap()
  for (const [name, description] of Object.entries(ROOT_DESCRIPTIONS)) {
    const type = types[name]
    if (type) type.description = description
  }
  // TypeGraphQL does not know @oneOf: it is declared as an extension, and enforced and printed by graphql-js.
  for (const type of Object.values(types)) {
    if (type instanceof GraphQLInputObjectType && type.extensions[ONE_OF] === true) type.isOneOf = true
  }
  callPlainly(schema, new Set(resolvers))
  return schema
}

/** A method of a resolver class, as TypeGraphQL knows it. */
type Handler = ReturnType<typeof getMetadataStorage>['queries'][number] | ReturnType<typeof getMetadataStorage>['fieldResolvers'][number]
type Resolve = GraphQLFieldResolver<unknown, unknown>

/**
 * Answers a field by a method of a class without state, which is given its arguments as graphql-js has read them. TypeGraphQL itself makes
 * instances of classes of them, in promises: for a read that takes longer than all else together.
 */
function plainly({ target, methodName, params = [], middlewares = [], roles }: Handler): Resolve {
  if (middlewares.length > 0 || roles) throw new TypeError(`${target.name}.${methodName}: middleware and @Authorized are not used here`)
  const method = (target.prototype as Readonly<Record<string, (...values: unknown[]) => unknown>>)[methodName]
  if (!method) throw new TypeError(`${target.name} has no method ${methodName}`)
  const readers = [...params].sort((one, other) => one.index - other.index).map(readerOf)
  return (...call) =>
    method.apply(
      target.prototype,
      readers.map((read) => read(...call)),
    )
}

/** Reads one parameter of a method. */
function readerOf(param: NonNullable<Handler['params']>[number]): Resolve {
  switch (param.kind) {
    case 'arg':
      return (_source, args) => args[param.name]
    case 'args':
      return (_source, args) => args
    case 'context':
      return (_source, _args, context) => context
    case 'root':
      return (source) => source
    case 'info':
      return (...call) => call[3]
    default:
      throw new TypeError(`parameters of the kind ${param.kind} are not used here`)
  }
}

/** Puts methods of resolver classes in place of TypeGraphQL's own calls of them. */
function callPlainly(schema: GraphQLSchema, resolvers: ReadonlySet<unknown>): void {
  const { queries, mutations, fieldResolvers, objectTypes } = getMetadataStorage()
  const put = (type: GraphQLNamedType | null | undefined, handler: Handler): void => {
    const field = isObjectType(type) && handler.schemaName ? type.getFields()[handler.schemaName] : undefined
    if (field && resolvers.has(handler.target)) field.resolve = plainly(handler)
  }
  for (const handler of queries) put(schema.getQueryType(), handler)
  for (const handler of mutations) put(schema.getMutationType(), handler)
  for (const handler of fieldResolvers) {
    const owner = handler.getObjectType?.()
    const type = objectTypes.find(({ target }) => target === owner)
    if (type) put(schema.getType(type.name), handler)
  }
}

/** Builds the schema of packs, each root field marked with the pack that it belongs to. */
export function buildPackSchema(packs: readonly Pack[]): GraphQLSchema {
  const classes = packs.map(({ id, resolvers, writes = [] }) => ({
    id,
    resolvers: [...resolvers, ...writes.map(({ resolver }) => resolver)],
  }))
  const packOfClass = new Map<object, string>(classes.flatMap(({ id, resolvers }) => resolvers.map((resolver) => [resolver, id])))
  const schema = buildSchema(classes.flatMap(({ resolvers }) => resolvers))
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const id = packOfClass.get(policyOf(field.extensions)?.owner ?? {})
      if (id) field.extensions = { ...field.extensions, ...packExtension(id) }
    }
  }
  return schema
}

/** The text of a schema in an order that depends on names only, with a line break at its end. */
export function printSorted(schema: GraphQLSchema): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}
