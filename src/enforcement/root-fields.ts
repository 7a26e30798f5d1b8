import type { GraphQLField, GraphQLSchema } from 'graphql'
import { type OperationPolicy, policyOf } from '../core/contract/operation.js'
import type { RequestContext } from '../core/graphql/context.js'

/** The kinds of operations, as a document names them. */
export type RootKind = 'query' | 'mutation' | 'subscription'

/** A field where an operation begins, in a built schema. */
export interface RootField {
  readonly kind: RootKind
  readonly name: string
  /** Undefined when nobody declared one. */
  readonly policy: OperationPolicy | undefined
  readonly field: GraphQLField<unknown, RequestContext>
}

/** Every root field of a schema; introspection's own fields are not among them. */
export function rootFieldsOf(schema: GraphQLSchema): RootField[] {
  const roots = { query: schema.getQueryType(), mutation: schema.getMutationType(), subscription: schema.getSubscriptionType() }
  return Object.entries(roots).flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      kind: kind as RootKind,
      name: field.name,
      policy: policyOf(field.extensions),
      field,
    })),
  )
}
