import { createSourceEventStream, type ExecutionResult, type FormattedExecutionResult } from 'graphql'
import { makeServer, type Server } from 'graphql-ws'
import type { Caller } from '../../core/contract/caller.js'
import { AppError } from '../../core/contract/errors.js'
import { SlowConsumerError } from '../../core/graphql/change-stream.js'
import { newId } from '../../core/platform/ids.js'
import { after } from '../../core/values/after.js'
import { ANONYMOUS, type Credentials, credentialsOf } from '../../enforcement/authenticate.js'
import type { FrontParts } from '../front-parts.js'
import { auditRefusal, verdictOf } from '../operation/audit-calls.js'
import type { Answered } from '../operation/operations.js'
import { CLOSE_CODES, type Connection, type Connections, closeSocket } from './connections.js'
import { EventStream, type StreamActivity } from './event-stream.js'
import { admit, type SocketArgs, type SocketContext } from './socket-operations.js'

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
    onSubscribe: (context, id, payload) => admit(context, { id, payload }, parts),
    execute: (args) => after(parts.operations.perform((args as SocketArgs).asked), shown),
    subscribe: (args) => subscribe(args as SocketArgs, parts),
    onOperation: ({ extra }, id, _payload, args, result) => {
      if (!(result instanceof EventStream)) return
      const running = extra.operations.get(id)
      if (running) {
        running.stream = result
        // It has begun: what it waits for from now on is events.
        running.end()
        extra.leave?.()
      }
      parts.operations.observe((args as SocketArgs).asked, 'ok')
    },
    // Masked already.
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
    onError({ extra: { socket, caller = ANONYMOUS, remoteAddress, operations } }, id, _payload, errors) {
      const slow = errors.map(({ originalError }) => originalError).find((error) => error instanceof SlowConsumerError)
      if (slow) {
        closeSocket(socket, CLOSE_CODES.tooSlow, slow.message)
        parts.metrics.observe({ operation: 'none', outcome: 'TOO_SLOW' })
        return [{ message: slow.message }]
      }
      const { requestId = newId(), prepared } = operations.get(id) ?? {}
      return parts.operations.fail({ errors, call: { caller, requestId, remoteAddress }, prepared }).result.errors
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
  { asked, ...args }: SocketArgs,
  { createContext, operations, activity }: ProtocolParts,
): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> {
  const { prepared, variables } = asked
  const source = await createSourceEventStream(args)
  if (!(Symbol.asyncIterator in source)) return shown(operations.finish(asked, source))
  const { caller, requestId, remoteAddress, subjects } = asked.context
  const executeEvent = (event: unknown) => {
    const context = createContext({ caller, requestId, remoteAddress, user: subjects.user })
    return after(prepared.execute(context, variables, event), (result) => shown(operations.settle({ prepared, context }, result)))
  }
  return new EventStream(source, executeEvent, activity)
}

/** What graphql-ws sends as it is: see `onNext`. */
function shown({ result }: Answered): ExecutionResult {
  return result as unknown as ExecutionResult
}
