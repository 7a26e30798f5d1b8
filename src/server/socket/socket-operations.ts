import { type ExecutionArgs, GraphQLError } from 'graphql'
import type { Context, SubscribePayload } from 'graphql-ws'
import { AppError } from '../../core/contract/errors.js'
import { newId } from '../../core/platform/ids.js'
import { after } from '../../core/values/after.js'
import { ANONYMOUS } from '../../enforcement/authenticate.js'
import type { Admission } from '../../enforcement/rate-limits/operation-limiter.js'
import type { FrontParts } from '../front-parts.js'
import { endUser } from '../http/end-user.js'
import { OverloadError } from '../load/load-gate.js'
import type { LoadKind } from '../load/load-kind.js'
import type { AskedOperation } from '../operation/operations.js'
import { CLOSE_CODES, type Connection, closeAnswered, closeSocket, type RunningOperation } from './connections.js'

/** A connection as the protocol knows it. */
export type SocketContext = Context<Record<string, unknown>, Connection>

/** An operation as a client asks for it. */
export interface SocketMessage {
  readonly id: string
  readonly payload: SubscribePayload
}

/** An operation that is executed, as graphql-ws hands it on. */
export interface SocketArgs extends ExecutionArgs {
  readonly asked: AskedOperation
}

/** What is executed, or shown instead. */
type Admitted = SocketArgs | readonly GraphQLError[]

/** Reads and counts an operation; what it returns is executed, or shown as errors. */
export function admit(
  { connectionParams, extra: connection }: SocketContext,
  { id, payload: { query, operationName, variables = {} } }: SocketMessage,
  parts: FrontParts,
): Admitted | Promise<Admitted> {
  const refusal = refusalOf(connection, id, parts)
  if (refusal) return [refusal]
  const running = begin(connection, id, parts)
  const known = parts.documents.read(query)
  const overload = shedOf(running, known?.kindWith(operationName ?? undefined, variables), parts)
  if (overload) return parts.load.patience().then(() => [overload])
  const { caller = ANONYMOUS, remoteAddress, request } = connection
  const { requestId, startedAtMs } = running
  const context = parts.createContext({ caller, requestId, remoteAddress, user: endUser(request, connectionParams) })
  const { operations, schema } = parts
  const faults = known?.findFaults() ?? []
  const prepared = faults.length === 0 ? known?.operation(operationName) : undefined
  if (!prepared) return unlessDenied(operations.countRefused(context), faults.length > 0 ? faults : [unknownOperation(operationName)])
  running.prepared = prepared
  const asked: AskedOperation = { prepared, context, variables: variables ?? {}, startedAtMs, way: 'socket' }
  const args = { schema, document: prepared.document, contextValue: context, operationName, variableValues: variables, asked }
  return unlessDenied(operations.admit(asked), args)
}

function unlessDenied(admission: Admission | Promise<Admission>, admitted: Admitted): Admitted | Promise<Admitted> {
  return after(admission, ({ error }) => (error ? [error] : admitted))
}

/** Why an operation is not begun, where there is too much to do. */
function shedOf(running: RunningOperation, kind: LoadKind | undefined, { load }: FrontParts): OverloadError | undefined {
  try {
    running.end = load.begin(kind ?? 'memory')
    return undefined
  } catch (error) {
    if (!(error instanceof OverloadError)) throw error
    return error
  }
}

/** The document does not say what is to be executed; in Apollo's words. */
function unknownOperation(name: string | null | undefined): GraphQLError {
  const message =
    typeof name === 'string' ? `Unknown operation named "${name}".` : 'Must provide operation name if query contains multiple operations.'
  return new GraphQLError(message, { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } })
}

/** Why an operation is not even looked at. */
function refusalOf(connection: Connection, id: string, { network, authenticator, isClosing }: FrontParts): AppError | undefined {
  const { operations, caller, socket } = connection
  if (isClosing()) return new AppError('UNAVAILABLE', 'The server is shutting down. Connect again.')
  if (caller && !authenticator.isStillValid(caller)) {
    closeAnswered(connection)
    return new AppError('UNAUTHENTICATED', 'The API key of this connection is not valid any more.')
  }
  if (operations.has(id)) {
    // Its client has completed it, but it still runs: their answers would get mixed up.
    closeSocket(socket, CLOSE_CODES.sameId, `Subscriber for ${id} already exists`)
    return new AppError('BAD_USER_INPUT', 'An operation of this id is still running; use another id.')
  }
  if (operations.size < network.operationsPerSocket) return undefined
  const most = network.operationsPerSocket
  return new AppError('RATE_LIMITED', `At most ${most} operations may run on one connection; complete one first.`)
}

function begin(connection: Connection, id: string, { clock }: FrontParts): RunningOperation {
  const running: RunningOperation = {
    requestId: newId(),
    startedAtMs: clock.monotonicMs(),
    prepared: undefined,
    end: () => undefined,
    stream: undefined,
  }
  connection.operations.set(id, running)
  connection.begun = id
  return running
}
