import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  getOperationAST,
} from 'graphql'
import { makeServer, type Server } from 'graphql-ws'
import type { Caller } from '../../core/contract/caller.js'
import { AppError } from '../../core/contract/errors.js'
import { findTooLarge } from '../../core/graphql/bounds/answer-budget.js'
import { SlowConsumerError } from '../../core/graphql/change-stream.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { newId } from '../../core/platform/ids.js'
import { ANONYMOUS, type Credentials, credentialsOf } from '../../enforcement/authenticate.js'
import type { FrontParts } from '../front-parts.js'
import { OverloadError } from '../load/load-gate.js'
import { auditCall, auditRefusal, verdictOf } from '../operation/audit-calls.js'
import { operationLabel, outcomeOf } from '../operation/outcome.js'
import { CLOSE_CODES, type Connection, type Connections, closeSocket } from './connections.js'
import { EventStream, type StreamActivity } from './event-stream.js'
import { type AskedOperation, prepare, type SocketContext } from './socket-operations.js'

/** What operations on a WebSocket are answered with. */
export interface ProtocolParts extends FrontParts {
  readonly activity: StreamActivity
  readonly connections: Connections
}

/**
 * The graphql-transport-ws protocol over connections that are open already: the same rules, guard and masking as over HTTP,
 * for subscriptions, queries and mutations.
 */
export function createProtocol(parts: ProtocolParts): Server<Connection> {
  return makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: parts.network.initMs,
    onConnect: (context) => authenticate(context, parts),
    onSubscribe: (context, id, payload) => prepare(context, { id, payload }, parts),
    subscribe: (args) => subscribe(args, parts),
    onOperation: ({ extra }, id, _payload, args, result) => {
      if (!(result instanceof EventStream)) return
      const running = extra.operations.get(id)
      if (running) {
        running.stream = result
        // It has begun: what it waits for from now on is events.
        running.end()
      }
      observe(extra, { id, args, outcome: 'ok' }, parts)
    },
    onNext({ extra }, id, _payload, args, result) {
      const masked = maskResult(extra, { id, result }, parts)
      auditCall(parts.audit, {
        call: args.contextValue as RequestContext,
        document: args.document,
        operation: operationOf(args),
        errors: masked.errors,
      })
      if (operationOf(args)?.operation !== 'subscription') observe(extra, { id, args, outcome: outcomeOf(masked) }, parts)
      return masked
    },
    onError({ extra }, id, payload, errors) {
      const slow = errors.map(({ originalError }) => originalError).find((error) => error instanceof SlowConsumerError)
      if (slow) closeSocket(extra.socket, CLOSE_CODES.tooSlow, slow.message)
      const requestId = requestIdOf(extra, id)
      const shown = slow ? [{ message: slow.message }] : parts.mask.mask(errors, requestId)
      if (!errors.some((error) => error instanceof OverloadError))
        auditErrors(extra, { asked: { id, payload }, requestId, errors: shown }, parts)
      parts.metrics.observe({ operation: 'none', outcome: slow ? 'TOO_SLOW' : outcomeOf({ errors: shown }) })
      return shown
    },
  })
}

/** Closes the socket itself, since the protocol's own answer would be the same for every reason. */
function authenticate({ connectionParams, extra }: SocketContext, parts: ProtocolParts): boolean {
  let caller: Caller | undefined
  try {
    caller = parts.authenticator.authenticate(credentialsIn(connectionParams, extra), extra.remoteAddress)
    refuseCrowd(extra, caller, parts)
    extra.caller = caller
    return true
  } catch (error) {
    refuseConnection(extra, { error, caller }, parts)
    return false
  }
}

/** Throws AppError RATE_LIMITED when a client has as many connections as it may have. */
function refuseCrowd(newcomer: Connection, { id }: Caller, { connections, network }: ProtocolParts): void {
  if (connections.countOpen((other) => other !== newcomer && other.caller?.id === id) < network.socketsPerClient) return
  throw new AppError('RATE_LIMITED', `An API client may have ${network.socketsPerClient} connections; close others first.`)
}

/** Logs, audits and closes a connection that was not let in. */
function refuseConnection(
  { socket, remoteAddress }: Connection,
  { error, caller }: { error: unknown; caller: Caller | undefined },
  { audit, log }: ProtocolParts,
): void {
  const code = error instanceof AppError ? error.code : undefined
  if (code === 'UNAUTHENTICATED') log.info({ peer: remoteAddress, reason: verdictOf(error) }, 'connection refused: not authenticated')
  else if (code === undefined) log.error({ err: error }, 'connection failed')
  auditRefusal(audit, { error, operation: 'connect', caller, remoteAddress, requestId: newId() })
  if (code === undefined) closeSocket(socket, CLOSE_CODES.internal, 'Internal error')
  else if (caller) closeSocket(socket, CLOSE_CODES.tooMany, 'Too many connections of this API client')
  else closeSocket(socket, CLOSE_CODES.unauthenticated, 'Unauthorized: a valid API key is needed')
}

/** The key of connection_init, as browsers must send it, else that of the upgrade's headers. */
function credentialsIn(parameters: Readonly<Record<string, unknown>> | undefined, { request }: Connection): Credentials {
  const { authorization = parameters?.['Authorization'], apiKey } = parameters ?? {}
  if (authorization === undefined && apiKey === undefined) return credentialsOf(request)
  const isBareKey = typeof authorization === 'string' && authorization.startsWith('vk_')
  return isBareKey ? { authorization: `Bearer ${authorization}`, apiKey } : { authorization, apiKey }
}

/** Like graphql-js's `subscribe`, but every event is executed in a context of its own, on the state of its time. */
async function subscribe(
  args: ExecutionArgs,
  { createContext, activity }: ProtocolParts,
): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args)
  if (!(Symbol.asyncIterator in source)) return source
  const { caller, requestId, remoteAddress, subjects } = args.contextValue as RequestContext
  const executeEvent = (rootValue: unknown) =>
    execute({ ...args, rootValue, contextValue: createContext({ caller, requestId, remoteAddress, user: subjects.user }) })
  return new EventStream(source, executeEvent, activity)
}

function maskResult(
  connection: Connection,
  { id, result }: { id: string; result: ExecutionResult },
  { mask }: ProtocolParts,
): FormattedExecutionResult {
  const { errors, ...rest } = result
  const tooLarge = errors && findTooLarge(errors)
  if (tooLarge) return { errors: mask.mask([tooLarge], requestIdOf(connection, id)) }
  return errors ? { ...rest, errors: mask.mask(errors, requestIdOf(connection, id)) } : rest
}

/**
 * Audits what ended an operation before or between its answers. The text of one that was refused before it was validated may
 * be anything, and is not looked at.
 */
function auditErrors(
  { operations, caller = ANONYMOUS, remoteAddress }: Connection,
  { asked: { id, payload }, requestId, errors }: { asked: AskedOperation; requestId: string; errors: readonly GraphQLFormattedError[] },
  { audit }: ProtocolParts,
): void {
  const document: DocumentNode | undefined = operations.get(id)?.document
  const operation = document && (getOperationAST(document, payload.operationName) ?? undefined)
  auditCall(audit, { call: { caller, requestId, remoteAddress }, document, operation, errors })
}

function requestIdOf({ operations }: Connection, id: string): string {
  return operations.get(id)?.requestId ?? newId()
}

function operationOf({ document, operationName }: ExecutionArgs) {
  return getOperationAST(document, operationName) ?? undefined
}

function observe(
  { operations }: Connection,
  { id, args, outcome }: { id: string; args: ExecutionArgs; outcome: string },
  { metrics, clock }: ProtocolParts,
): void {
  const startedAtMs = operations.get(id)?.startedAtMs ?? clock.monotonicMs()
  const durationSeconds = (clock.monotonicMs() - startedAtMs) / 1000
  metrics.observe({ operation: operationLabel(args.document, operationOf(args)), outcome, durationSeconds })
}
