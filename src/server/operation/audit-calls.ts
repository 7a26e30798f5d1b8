import { type DocumentNode, type GraphQLFormattedError, Kind, type SelectionSetNode } from 'graphql'
import type { AuditOutcome, AuditSink } from '../../core/background/audit.js'
import { AppError } from '../../core/contract/errors.js'
import { isAnonymous } from '../../enforcement/authenticate.js'
import type { Call } from './context.js'
import type { PreparedOperation } from './prepared-operation.js'

/** What is audited of what goes wrong: refusals, and failures that are not the caller's. The rest is about the input. */
const AUDITED: Readonly<Record<string, AuditOutcome>> = {
  UNAUTHENTICATED: 'DENIED',
  FORBIDDEN: 'DENIED',
  RATE_LIMITED: 'DENIED',
  MAINTENANCE: 'DENIED',
  UNAVAILABLE: 'FAILED',
  INTERNAL_SERVER_ERROR: 'FAILED',
}

/** An executed operation (or one that was not even begun), and what its caller is shown of its errors. */
export interface AnsweredCall {
  readonly call: Call
  /** Undefined where it was not found out which operation it is. */
  readonly prepared: PreparedOperation | undefined
  readonly errors: readonly GraphQLFormattedError[]
}

/** Audits what was denied and what failed in an answer, by root field. Costs nothing where nothing did. */
export function auditCall(audit: AuditSink, { call, prepared, errors }: AnsweredCall): void {
  const { caller, remoteAddress, requestId } = call
  for (const { path, extensions } of errors) {
    const code = String(extensions?.['code'])
    const outcome = AUDITED[code]
    if (outcome === undefined) continue
    audit.record({
      operation: rootFieldAt(path?.[0], prepared) ?? prepared?.label ?? 'none',
      outcome,
      code,
      caller: isAnonymous(caller) ? undefined : caller,
      remoteAddress,
      detail: { requestId },
    })
  }
}

/** Something that was refused before there was an operation. */
export interface RefusedCall extends Pick<Call, 'remoteAddress' | 'requestId'> {
  readonly error: unknown
  /** What was tried: without a key that works it is `authenticate`. */
  readonly operation: string
  readonly caller?: Call['caller'] | undefined
}

/** Audits a refusal; never what was shown as a key, only what is wrong with it. */
export function auditRefusal(audit: AuditSink, { error, operation, caller, remoteAddress, requestId }: RefusedCall): void {
  const code = error instanceof AppError ? error.code : 'INTERNAL_SERVER_ERROR'
  const outcome = AUDITED[code]
  if (outcome === undefined) return
  const isStranger = caller === undefined && (code === 'UNAUTHENTICATED' || code === 'RATE_LIMITED')
  audit.record({
    operation: isStranger ? 'authenticate' : operation,
    outcome,
    code,
    caller,
    remoteAddress,
    detail: { requestId, ...(code === 'UNAUTHENTICATED' ? { reason: verdictOf(error) } : {}) },
  })
}

/** What is wrong with the key of a call that was refused: for operators, never for the caller. */
export function verdictOf(error: unknown): string {
  return error instanceof AppError && error.cause instanceof Error ? error.cause.message : 'no key'
}

/** The name of the root field that stands in the answer under this name: clients choose aliases, and those are not kept. */
function rootFieldAt(responseName: string | number | undefined, prepared: PreparedOperation | undefined): string | undefined {
  if (!prepared || typeof responseName !== 'string') return undefined
  return findField(prepared.operation.selectionSet, { responseName, document: prepared.document, visited: new Set() })
}

interface Search {
  readonly responseName: string
  readonly document: DocumentNode
  readonly visited: Set<string>
}

function findField({ selections }: SelectionSetNode, search: Search): string | undefined {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      if ((selection.alias ?? selection.name).value === search.responseName) return selection.name.value
      continue
    }
    const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragmentOf(selection.name.value, search)
    const name = inner && findField(inner, search)
    if (name !== undefined) return name
  }
  return undefined
}

function fragmentOf(name: string, { document, visited }: Search): SelectionSetNode | undefined {
  if (visited.has(name)) return undefined
  visited.add(name)
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name) return definition.selectionSet
  }
  return undefined
}
