import { GraphQLInputObjectType, type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchemaSync, type PubSub } from 'type-graphql'
import type { CoreServices } from '../core/contract/core-services.js'
import { packExtension, policyOf } from '../core/contract/operation.js'
import type { Pack } from '../core/contract/pack.js'

/** The key in an input type's extensions that makes it a `@oneOf` type. */
const ONE_OF = 'isOneOf'

/** TypeGraphQL wants one for any subscription; ours bring their own source, so that nothing ever goes through it. */
const NO_PUB_SUB: PubSub = {
  publish: () => undefined,
  subscribe: (topic) => {
    throw new TypeError(`the subscription on ${topic} needs a \`subscribe\` of its own`)
  },
}

/** Builds the schema of resolvers that are ready to answer. Not guarded yet: see {@link guardSchema}. */
export function buildSchema(resolvers: readonly object[]): GraphQLSchema {
  const instances = new Map<unknown, object>(resolvers.map((resolver) => [resolver.constructor, resolver]))
  const [first, ...others] = [...instances.keys()] as (new () => object)[]
  if (!first) throw new TypeError('there is no resolver')
  const schema = buildSchemaSync({
    resolvers: [first, ...others],
    container: { get: (resolverClass) => instances.get(resolverClass) as object },
    validate: false,
    skipCheck: true,
    emitSchemaFile: false,
    orphanedTypes: [],
    pubSub: NO_PUB_SUB,
  })
  // TypeGraphQL does not know @oneOf: it is declared as an extension, and enforced and printed by graphql-js.
  for (const type of Object.values(schema.getTypeMap())) {
    if (type instanceof GraphQLInputObjectType && type.extensions[ONE_OF] === true) type.isOneOf = true
  }
  return schema
}

/** Builds the schema of packs, each root field marked with the pack that it belongs to. */
export function buildPackSchema(packs: readonly Pack[], core: CoreServices): GraphQLSchema {
  const resolvers = packs.map((pack) => ({ id: pack.id, instances: pack.resolvers(core) }))
  const packOfClass = new Map<object, string>(
    resolvers.flatMap(({ id, instances }) => instances.map((instance) => [instance.constructor, id])),
  )
  const schema = buildSchema(resolvers.flatMap(({ instances }) => instances))
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const id = packOfClass.get(policyOf(field.extensions)?.owner ?? {})
      if (id) field.extensions = { ...field.extensions, ...packExtension(id) }
    }
  }
  return schema
}

/** The schema of packs that have nothing to work with: to be looked at, not to be executed. */
export function schemaOf(packs: readonly Pack[]): GraphQLSchema {
  const core = new Proxy({}, { get: (_, part) => absent(`core.${String(part)}`) }) as CoreServices
  return buildPackSchema(packs, core)
}

/** A part that may be handed on, but not used. */
function absent(name: string): unknown {
  return new Proxy(
    {},
    {
      get: (_, property) => {
        throw new TypeError(`${name}.${String(property)} is used while resolvers are built; they may only keep it for later`)
      },
    },
  )
}

/** The text of a schema in an order that depends on names only, with a line break at its end. */
export function printSorted(schema: GraphQLSchema): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}
