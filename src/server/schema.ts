import { type GraphQLFieldResolver, GraphQLInputObjectType, type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchemaSync, type ClassType, type NonEmptyArray, type PubSub } from 'type-graphql'
import { type OperationPolicy, packExtension, policyOf } from '../core/contract/operation.js'
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
  return schema
}

/** What answers a root field whose method takes its arguments as they are; undefined for any other. Resolvers hold no state. */
function plainlyOf(policy: OperationPolicy | undefined): GraphQLFieldResolver<unknown, unknown> | undefined {
  const { takesPlainArgs, owner, method } = policy ?? {}
  if (!takesPlainArgs || !owner || method === undefined) return undefined
  const methods = owner.prototype as Readonly<Record<PropertyKey, (context: unknown, ...args: unknown[]) => unknown>>
  return (_source, args, context) => methods[method]?.(context, ...Object.values(args))
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
      field.resolve = plainlyOf(policyOf(field.extensions)) ?? field.resolve
    }
  }
  return schema
}

/** The text of a schema in an order that depends on names only, with a line break at its end. */
export function printSorted(schema: GraphQLSchema): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}
