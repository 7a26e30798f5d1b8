import { type DocumentNode, type ExecutionArgs, GraphQLError, type GraphQLSchema, getOperationAST, parse, validate } from 'graphql'
import type { Context, SubscribePayload } from 'graphql-ws'
import { AppError } from '../../core/contract/errors.js'
import { newId } from '../../core/platform/ids.js'
import { ANONYMOUS } from '../../enforcement/authenticate.js'
import type { FrontParts } from '../front-parts.js'
import { endUser } from '../http/end-user.js'
import { OverloadError } from '../load/load-gate.js'
import { DOCUMENT_LIMITS, findBrokenLimits } from '../operation/document-limits.js'
import { CLOSE_CODES, type Connection, closeSocket, NO_LONGER_VALID, type RunningOperation } from './connections.js'
import { limitPrepared, limitRefused, type Prepared } from './socket-limits.js'

/** A connection as the protocol knows it. */
export type SocketContext = Context<Record<string, unknown>, Connection>

/** An operation as a client asks for it. */
export interface AskedOperation {
  readonly id: string
  readonly payload: SubscribePayload
}

/** Parses, validates and counts; what it returns is executed, or shown as errors. */
export function prepare(
  { connectionParams, extra: connection }: SocketContext,
  asked: AskedOperation,
  parts: FrontParts,
): Prepared | Promise<Prepared> {
  const refusal = refusalOf(connection, asked.id, parts)
  if (refusal) return [refusal]
  const { schema, limits, createContext } = parts
  const running = begin(connection, asked.id, parts)
  const overload = shedOf(running, asked, parts)
  if (overload) return parts.load.patience().then(() => [overload])
  const { caller = ANONYMOUS, remoteAddress, request } = connection
  const contextValue = createContext({ caller, requestId: running.requestId, remoteAddress, user: endUser(request, connectionParams) })
  const { operationName, variables } = asked.payload
  const document = readDocument(asked.payload, schema)
  if ('faults' in document) return limitRefused(document.faults, contextValue, limits)
  running.document = document
  const args: ExecutionArgs = { schema, document, contextValue, operationName, variableValues: variables }
  return limitPrepared(args, limits)
}

/** Why an operation is not begun, where there is too much to do. */
function shedOf(running: RunningOperation, { payload }: AskedOperation, { load }: FrontParts): OverloadError | undefined {
  try {
    running.end = load.begin(payload)
    return undefined
  } catch (error) {
    if (!(error instanceof OverloadError)) throw error
    return error
  }
}

/** A document's text as a document; throws GraphQLError GRAPHQL_PARSE_FAILED. */
function parseDocument(query: string): DocumentNode {
  try {
    return parse(query, { maxTokens: DOCUMENT_LIMITS.tokens })
  } catch (error) {
    throw error instanceof GraphQLError ? withCode(error, 'GRAPHQL_PARSE_FAILED') : error
  }
}

/** A document that may be executed, or what is wrong with it. */
function readDocument(
  { query, operationName }: SubscribePayload,
  schema: GraphQLSchema,
): DocumentNode | { readonly faults: readonly GraphQLError[] } {
  try {
    const document = parseDocument(query)
    const broken = findBrokenLimits(document)
    if (broken.length > 0) return { faults: broken }
    const faults = validate(schema, document)
    if (faults.length > 0) return { faults: faults.map((fault) => withCode(fault, 'GRAPHQL_VALIDATION_FAILED')) }
    return getOperationAST(document, operationName) ? document : { faults: [unknownOperation(operationName)] }
  } catch (error) {
    if (error instanceof GraphQLError) return { faults: [error] }
    throw error
  }
}

/** The document does not say what is to be executed. */
function unknownOperation(name: string | null | undefined): GraphQLError {
  const message = name ? `Unknown operation named "${name}".` : 'Name the operation to execute: `operationName`.'
  return new GraphQLError(message, { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } })
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions, extensions } = error
  return new GraphQLError(message, { nodes, source, positions, extensions: { ...extensions, code } })
}

/** Why an operation is not even looked at. */
function refusalOf(
  { operations, caller, socket }: Connection,
  id: string,
  { network, authenticator, isClosing }: FrontParts,
): AppError | undefined {
  if (isClosing()) return new AppError('UNAVAILABLE', 'The server is shutting down. Connect again.')
  if (caller && !authenticator.isStillValid(caller)) {
    closeSocket(socket, CLOSE_CODES.forbidden, NO_LONGER_VALID)
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
    document: undefined,
    end: () => undefined,
    stream: undefined,
  }
  connection.operations.set(id, running)
  connection.begun = id
  return running
}
