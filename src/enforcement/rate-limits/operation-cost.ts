import { type DocumentNode, type GraphQLSchema, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql'
import type { Caller } from '../../core/contract/caller.js'
import type { OperationPolicy } from '../../core/contract/operation.js'
import { type RootKind, rootFieldsOf } from '../root-fields.js'

/** Says how many units an operation of a document takes from this caller's limits. */
export type OperationCost = (document: DocumentNode, operation: OperationDefinitionNode, caller: Caller) => number

/** What an operation costs whoever asks, and its fields that are free to those who may use them. */
interface Price {
  readonly cost: number
  readonly free: readonly OperationPolicy[]
}

/**
 * The cost of an operation: the sum over its root fields, also behind fragments, one for each key of the answer (so that
 * aliases count, and what GraphQL merges into one counts once). Directives that may leave a field out change nothing. An
 * operation of introspection alone costs 1. What is free is so for those who may do it: others pay 1 to hear that they may not.
 */
export function operationCosts(schema: GraphQLSchema): OperationCost {
  const policies = new Map(rootFieldsOf(schema).map(({ kind, name, policy }) => [`${kind} ${name}`, policy]))
  const policyOf = (kind: RootKind, name: string): OperationPolicy | undefined => policies.get(`${kind} ${name}`)
  const known = new WeakMap<OperationDefinitionNode, Price>()
  return (document, operation, caller) => {
    const price = known.get(operation) ?? priceOf(document, operation, policyOf)
    known.set(operation, price)
    if (price.free.length === 0) return price.cost
    return price.cost + price.free.filter(({ permission }) => permission !== null && !caller.permissions.has(permission)).length
  }
}

function priceOf(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  policyOf: (kind: RootKind, name: string) => OperationPolicy | undefined,
): Price {
  const fields = new Map<string, string>()
  collectFields(operation.selectionSet, { document, fields, visited: new Set() })
  const called = [...fields.values()].flatMap((name) => policyOf(operation.operation, name) ?? [])
  if (called.length === 0) return { cost: 1, free: [] }
  return { cost: called.reduce((sum, { cost }) => sum + cost, 0), free: called.filter(({ cost }) => cost === 0) }
}

interface Search {
  readonly document: DocumentNode
  /** Names of fields by their keys in the answer. */
  readonly fields: Map<string, string>
  readonly visited: Set<string>
}

function collectFields({ selections }: SelectionSetNode, search: Search): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) search.fields.set(selection.alias?.value ?? selection.name.value, selection.name.value)
    else if (selection.kind === Kind.INLINE_FRAGMENT) collectFields(selection.selectionSet, search)
    else collectFragment(selection.name.value, search)
  }
}

function collectFragment(name: string, search: Search): void {
  if (search.visited.has(name)) return
  search.visited.add(name)
  for (const definition of search.document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name) collectFields(definition.selectionSet, search)
  }
}
