import {
  type DocumentNode,
  type GraphQLSchema,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  valueFromASTUntyped,
  visit,
} from 'graphql'
import type { Caller } from '../../core/contract/caller.js'
import type { OperationPolicy } from '../../core/contract/operation.js'
import { readsRows } from '../../core/graphql/bounds/rows.js'
import { rootFieldsOf } from '../../enforcement/root-fields.js'

/**
 * What an operation waits for. `memory`: nothing, it is answered in one go. `rows`: the database, beside others. `writes`: the
 * ledger. `switches`: the ledger too, but it is what an operator needs when nothing else gets through.
 */
export type LoadKind = 'memory' | 'rows' | 'writes' | 'switches'

/** Mutations that always pass. */
const SWITCHES: ReadonlySet<string> = new Set(['setMaintenanceMode', 'deactivateApiClient'])
/** Those that pass when they are asked to override maintenance, for the same reason. */
const OVERRIDES: ReadonlySet<string> = new Set(['runAdminOperation', 'revertRevision'])

/** Tells what an operation will wait for, before it is looked at any closer. */
export interface LoadKinds {
  /** What the operations of a document wait for; those that write may be {@link LoadKinds.isSwitch}. */
  kindOf(document: DocumentNode): Exclude<LoadKind, 'switches'>
  /** Whether every root field of an operation is a switch, given values of variables as they were sent. */
  isSwitch(operation: OperationDefinitionNode | null | undefined, variables: unknown): boolean
  /** Whether a caller may throw one of the switches at all: such a one is heard to the end of its request. */
  maySwitch(caller: Caller): boolean
}

/** The kinds of operations on a schema. */
export function createLoadKinds(schema: GraphQLSchema): LoadKinds {
  const policies = new Map<string, OperationPolicy>()
  for (const { kind, name, policy } of rootFieldsOf(schema)) if (kind === 'mutation' && policy) policies.set(name, policy)
  const permissions = [...SWITCHES, ...OVERRIDES].flatMap((name) => policies.get(name)?.permission ?? [])
  const rowFields = rowFieldsOf(schema)
  return {
    kindOf: (document) => kindOfDocument(document, { policies, rowFields }),
    isSwitch,
    maySwitch: (caller) => permissions.some((permission) => caller.permissions.has(permission)),
  }
}

/** Names of the fields that lead to rows, of whatever type: one of the same name that does not is taken for one that does. */
function rowFieldsOf(schema: GraphQLSchema): ReadonlySet<string> {
  const fields = Object.values(schema.getTypeMap()).flatMap((type) => (isObjectType(type) ? Object.values(type.getFields()) : []))
  return new Set(fields.filter(({ extensions }) => readsRows(extensions)).map(({ name }) => name))
}

/** What the schema says of its fields. */
interface FieldFacts {
  readonly policies: ReadonlyMap<string, OperationPolicy>
  readonly rowFields: ReadonlySet<string>
}

function kindOfDocument(document: DocumentNode, { policies, rowFields }: FieldFacts): Exclude<LoadKind, 'switches'> {
  const isWriting = document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === 'mutation' &&
      definition.selectionSet.selections.some((field) => field.kind !== Kind.FIELD || (policies.get(field.name.value)?.writes ?? true)),
  )
  if (isWriting) return 'writes'
  let isAskingRows = false
  visit(document, {
    Field({ name }) {
      if (rowFields.has(name.value)) isAskingRows = true
    },
  })
  return isAskingRows ? 'rows' : 'memory'
}

/** One in a fragment is none: who is in need writes it down plainly. */
function isSwitch(operation: OperationDefinitionNode | null | undefined, variables: unknown): boolean {
  if (operation?.operation !== 'mutation') return false
  return operation.selectionSet.selections.every((field) => {
    if (field.kind !== Kind.FIELD) return false
    if (SWITCHES.has(field.name.value)) return true
    const input = field.arguments?.find(({ name }) => name.value === 'input')?.value
    return OVERRIDES.has(field.name.value) && input !== undefined && isOverriding(valueFromASTUntyped(input, valuesOf(variables)))
  })
}

function isOverriding(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'overrideMaintenance' in input && input.overrideMaintenance === true
}

function valuesOf(variables: unknown): Record<string, unknown> {
  return typeof variables === 'object' && variables !== null ? (variables as Record<string, unknown>) : {}
}
