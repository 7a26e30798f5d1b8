import { type DocumentNode, type GraphQLSchema, getOperationAST, isObjectType, Kind, parse, valueFromASTUntyped, visit } from 'graphql'
import type { Caller } from '../../core/contract/caller.js'
import type { OperationPolicy } from '../../core/contract/operation.js'
import { readsRows } from '../../core/graphql/bounds/rows.js'
import { rootFieldsOf } from '../../enforcement/root-fields.js'
import { DOCUMENT_LIMITS } from '../operation/document-limits.js'

/**
 * What an operation waits for. `memory`: nothing, it is answered in one go. `rows`: the database, beside others. `writes`: the
 * ledger. `switches`: the ledger too, but it is what an operator needs when nothing else gets through.
 */
export type LoadKind = 'memory' | 'rows' | 'writes' | 'switches'

/** An operation as it arrives. */
export interface AskedDocument {
  readonly query: unknown
  readonly operationName?: unknown
  readonly variables?: unknown
}

/** Mutations that always pass. */
const SWITCHES: ReadonlySet<string> = new Set(['setMaintenanceMode', 'deactivateApiClient'])
/** Those that pass when they are asked to override maintenance, for the same reason. */
const OVERRIDES: ReadonlySet<string> = new Set(['runAdminOperation', 'revertRevision'])

/** Documents whose kind is remembered, and the longest of them: of a program there are few. */
const REMEMBERED = 1_000
const REMEMBERED_LENGTH = 4_000

/** Tells what an operation will wait for, before it is looked at any closer. */
export interface LoadKinds {
  kindOf(asked: AskedDocument): LoadKind
  /** Whether a caller may throw one of the switches at all: such a one is heard to the end of its request. */
  maySwitch(caller: Caller): boolean
}

/** The kinds of operations on a schema. */
export function createLoadKinds(schema: GraphQLSchema): LoadKinds {
  const policies = new Map<string, OperationPolicy>()
  for (const { kind, name, policy } of rootFieldsOf(schema)) if (kind === 'mutation' && policy) policies.set(name, policy)
  const permissions = [...SWITCHES, ...OVERRIDES].flatMap((name) => policies.get(name)?.permission ?? [])
  const rowFields = rowFieldsOf(schema)
  const known = new Map<string, LoadKind>()
  return {
    maySwitch: (caller) => permissions.some((permission) => caller.permissions.has(permission)),
    kindOf(asked) {
      const { query } = asked
      if (typeof query !== 'string') return 'memory'
      const remembered = known.get(query)
      if (remembered) return remembered
      const document = parsed(query)
      if (!document) return 'memory'
      if (isSwitch(document, asked)) return 'switches'
      const kind = kindOfDocument(document, { policies, rowFields })
      // A variable may say that maintenance is overridden: that is looked at each time.
      if (query.length > REMEMBERED_LENGTH || [...OVERRIDES].some((name) => query.includes(name))) return kind
      const [oldest] = known.size >= REMEMBERED ? known.keys() : []
      if (oldest !== undefined) known.delete(oldest)
      known.set(query, kind)
      return kind
    },
  }
}

/** Undefined for what is no document: whoever parses it next tells why. */
function parsed(query: string): DocumentNode | undefined {
  try {
    return parse(query, { maxTokens: DOCUMENT_LIMITS.tokens, noLocation: true })
  } catch {
    return undefined
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

function kindOfDocument(document: DocumentNode, { policies, rowFields }: FieldFacts): LoadKind {
  const isWriting = document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === 'mutation' &&
      definition.selectionSet.selections.some((field) => field.kind !== Kind.FIELD || (policies.get(field.name.value)?.writes ?? false)),
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

/** Whether every root field is a switch. One in a fragment is none: who is in need writes it down plainly. */
function isSwitch(document: DocumentNode, { operationName, variables }: AskedDocument): boolean {
  const operation = getOperationAST(document, typeof operationName === 'string' ? operationName : undefined)
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
