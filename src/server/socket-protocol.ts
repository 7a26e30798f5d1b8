import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  validate,
} from 'graphql'
import { type Context, makeServer, type Server, type SubscribePayload } from 'graphql-ws'
import type { AuditSink } from '../core/audit.js'
import type { Clock } from '../core/clock.js'
import { AppError } from '../core/errors.js'
import { SlowConsumerError } from '../core/graphql/change-stream.js'
import type { RequestContext } from '../core/graphql/context.js'
import { newId } from '../core/ids.js'
import type { Log } from '../core/log.js'
import { ANONYMOUS, type Authenticator, type Credentials } from '../enforcement/authenticate.js'
import type { OperationLimiter } from '../enforcement/rate-limits/operation-limiter.js'
import { auditCall, auditRefusal, isAudited } from './audit-calls.js'
import { CLOSE_CODES, type Connection, closeSocket, NO_LONGER_VALID } from './connections.js'
import type { CreateContext } from './context.js'
import { endUser } from './end-user.js'
import { EventStream, type StreamActivity } from './event-stream.js'
import { findBrokenLimits, LIMITS } from './limits.js'
import type { ErrorMask } from './mask-errors.js'
import type { Metrics } from './metrics.js'
import { operationLabel, outcomeOf } from './outcome.js'
import { limitPrepared } from './socket-limits.js'

/** What operations on a WebSocket are answered with. */
export interface ProtocolParts {
  /** Guarded. */
  readonly schema: GraphQLSchema
  readonly limits: OperationLimiter
  readonly authenticator: Authenticator
  readonly createContext: CreateContext
  readonly mask: ErrorMask
  readonly metrics: Pick<Metrics, 'observe'>
  readonly audit: AuditSink
  readonly clock: Clock
  readonly log: Log
  readonly activity: StreamActivity
}

/** How long a client may take to say who it is; milliseconds. */
const INIT_TIMEOUT_MS = 5_000
/** Operations that may run at the same time on one connection. */
const MAX_OPERATIONS = 100

type SocketContext = Context<Record<string, unknown>, Connection>

/**
 * The graphql-transport-ws protocol over connections that are open already: the same rules, guard and masking as over HTTP,
 * for subscriptions, queries and mutations.
 */
export function createProtocol(parts: ProtocolParts): Server<Connection> {
  return makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    onConnect: (context) => authenticate(context, parts),
    onSubscribe: (context, id, payload) => limitPrepared(prepare(context, { id, payload }, parts), parts.limits),
    subscribe: (args) => subscribe(args, parts),
    onOperation: ({ extra }, id, _payload, args, result) => {
      if (isEventStream(result)) observe(extra, { id, args, outcome: 'ok' }, parts)
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
      const shown = slow ? [{ message: slow.message }] : parts.mask.mask(errors, requestIdOf(extra, id))
      auditErrors(extra, { id, payload, errors: shown }, parts)
      parts.metrics.observe({ operation: 'none', outcome: slow ? 'TOO_SLOW' : outcomeOf({ errors: shown }) })
      extra.operations.delete(id)
      return shown
    },
    onComplete({ extra }, id) {
      extra.operations.delete(id)
    },
  })
}

/** Closes the socket itself, since the protocol's own answer would be the same for every reason. */
function authenticate({ connectionParams, extra }: SocketContext, { authenticator, audit, log }: ProtocolParts): boolean {
  try {
    extra.caller = authenticator.authenticate(credentialsOf(connectionParams, extra), extra.remoteAddress)
    return true
  } catch (error) {
    const isRefusal = error instanceof AppError
    if (isRefusal && error.code === 'UNAUTHENTICATED')
      log.info({ peer: extra.remoteAddress, reason: error.message }, 'connection refused: not authenticated')
    else if (!isRefusal) log.error({ err: error }, 'connection failed')
    auditRefusal(audit, { error, operation: 'connect', remoteAddress: extra.remoteAddress, requestId: newId() })
    closeSocket(
      extra.socket,
      isRefusal ? CLOSE_CODES.unauthenticated : CLOSE_CODES.internal,
      isRefusal ? 'Unauthorized: a valid API key is needed' : 'Internal error',
    )
    return false
  }
}

/** The key of connection_init, as browsers must send it, else that of the upgrade's headers. */
function credentialsOf(parameters: Readonly<Record<string, unknown>> | undefined, { request: { headers } }: Connection): Credentials {
  const { authorization = parameters?.['Authorization'], apiKey } = parameters ?? {}
  if (authorization === undefined && apiKey === undefined) return { authorization: headers.authorization, apiKey: headers['x-api-key'] }
  const isBareKey = typeof authorization === 'string' && authorization.startsWith('vk_')
  return isBareKey ? { authorization: `Bearer ${authorization}`, apiKey } : { authorization, apiKey }
}

/** Parses and validates; what it returns is executed, or shown as errors. */
function prepare(
  { subscriptions, connectionParams, extra: connection }: SocketContext,
  { id, payload }: { id: string; payload: SubscribePayload },
  { schema, authenticator, createContext, clock }: ProtocolParts,
): ExecutionArgs | readonly GraphQLError[] {
  // This one counts already.
  if (Object.keys(subscriptions).length > MAX_OPERATIONS) {
    return [new AppError('RATE_LIMITED', `At most ${MAX_OPERATIONS} operations may run on one connection; complete one first.`)]
  }
  if (connection.caller && !authenticator.isStillValid(connection.caller)) {
    closeSocket(connection.socket, CLOSE_CODES.forbidden, NO_LONGER_VALID)
    return [new AppError('UNAUTHENTICATED', 'The API key of this connection is not valid any more.')]
  }
  const requestId = newId()
  connection.operations.set(id, { requestId, startedAtMs: clock.monotonicMs() })
  const document = parseDocument(payload.query)
  if (document instanceof GraphQLError) return [document]
  const broken = findBrokenLimits(document)
  if (broken.length > 0) return broken
  const faults = validate(schema, document)
  if (faults.length > 0) return faults.map((fault) => withCode(fault, 'GRAPHQL_VALIDATION_FAILED'))
  const { caller = ANONYMOUS, remoteAddress, request } = connection
  const contextValue = createContext({ caller, requestId, remoteAddress, user: endUser(request, connectionParams) })
  return { schema, document, contextValue, operationName: payload.operationName, variableValues: payload.variables }
}

function parseDocument(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, { maxTokens: LIMITS.tokens })
  } catch (error) {
    if (error instanceof GraphQLError) return withCode(error, 'GRAPHQL_PARSE_FAILED')
    throw error
  }
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions, extensions } = error
  return new GraphQLError(message, { nodes, source, positions, extensions: { ...extensions, code } })
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

function isEventStream(result: unknown): boolean {
  return result instanceof EventStream
}

function maskResult(
  connection: Connection,
  { id, result }: { id: string; result: ExecutionResult },
  { mask }: ProtocolParts,
): FormattedExecutionResult {
  const { errors, ...rest } = result
  return errors ? { ...rest, errors: mask.mask(errors, requestIdOf(connection, id)) } : rest
}

/** Audits what ended an operation before or between its answers; its document is only looked at when it was refused. */
function auditErrors(
  connection: Connection,
  { id, payload, errors }: { id: string; payload: SubscribePayload; errors: readonly GraphQLFormattedError[] },
  { audit }: ProtocolParts,
): void {
  if (!errors.some(isAudited)) return
  const parsed = parseDocument(payload.query)
  const document = parsed instanceof GraphQLError ? undefined : parsed
  const call = { caller: connection.caller ?? ANONYMOUS, requestId: requestIdOf(connection, id), remoteAddress: connection.remoteAddress }
  const operation = document && (getOperationAST(document, payload.operationName) ?? undefined)
  auditCall(audit, { call, document, operation, errors })
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
