import { ApolloServerErrorCode } from '@apollo/server/errors'
import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql'
import { AppError } from '../../core/contract/errors.js'
import type { Log } from '../../core/platform/log.js'
import { scrubSecrets } from '../../core/platform/scrub.js'

/** Codes of GraphQL's and Apollo's own faults of a request. Whoever asked can mend them, so their message is shown. */
const PROTOCOL_CODES: ReadonlySet<unknown> = new Set([
  ApolloServerErrorCode.GRAPHQL_PARSE_FAILED,
  ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED,
  ApolloServerErrorCode.BAD_USER_INPUT,
  ApolloServerErrorCode.BAD_REQUEST,
  ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE,
  ApolloServerErrorCode.PERSISTED_QUERY_NOT_FOUND,
  ApolloServerErrorCode.PERSISTED_QUERY_NOT_SUPPORTED,
])

/** Decides what of an error is shown, and logs the rest. */
export interface ErrorMask {
  /** What is shown of an error, given how GraphQL would show it; fits Apollo's `formatError`. */
  format(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError
  /** What is shown of the errors of a call; logs the rest, and remembers under which request id. */
  mask(errors: readonly GraphQLError[], requestId: string): GraphQLFormattedError[]
}

/** The message of an answer that hides what went wrong. */
export function internalMessage(requestId: string): string {
  return `Something went wrong on our side. Tell the operators this request id: ${requestId}`
}

/** A mask that logs to `log`: each unexpected error once, with its cause and the request id. */
export function createErrorMask(log: Log): ErrorMask {
  const requestIds = new WeakMap<object, string>()
  const note = (errors: readonly GraphQLError[], requestId: string): void => {
    for (const error of errors) {
      const fault = appErrorOf(error)
      if (isShown(error)) {
        if (fault?.cause !== undefined) log.warn({ requestId, code: fault.code, path: error.path, err: fault.cause }, 'call refused')
        continue
      }
      requestIds.set(error, requestId)
      log.error({ requestId, path: error.path, err: fault?.cause ?? error.originalError ?? error }, 'call failed')
    }
  }
  const format: ErrorMask['format'] = (formatted, error) => {
    if (error instanceof GraphQLError && isShown(error)) return shown(formatted, error)
    const requestId = typeof error === 'object' && error !== null ? requestIds.get(error) : undefined
    // Only a fault of the server's own machinery gets here without an id; the answer's header has it then.
    if (requestId === undefined) log.error({ err: error }, 'call failed outside of an operation')
    const { path, locations } = formatted
    return {
      message: internalMessage(requestId ?? "the answer's x-request-id header"),
      ...(locations ? { locations } : {}),
      ...(path ? { path } : {}),
      extensions: { code: ApolloServerErrorCode.INTERNAL_SERVER_ERROR, ...(requestId === undefined ? {} : { requestId }) },
    }
  }
  return {
    format,
    mask(errors, requestId) {
      note(errors, requestId)
      return errors.map((error) => format(withoutHttp(error), error))
    },
  }
}

/** An error as GraphQL shows it, without what is meant for HTTP only. */
function withoutHttp(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON()
  const { http: _http, ...others } = extensions ?? {}
  return { ...rest, extensions: others }
}

/** GraphQL quotes values of variables in its messages: a key in the wrong place is not written back. */
function shown(formatted: GraphQLFormattedError, error: GraphQLError): GraphQLFormattedError {
  const { stacktrace: _stacktrace, ...extensions } = formatted.extensions ?? {}
  const message = formatted.message.includes('vk_') ? scrubSecrets(formatted.message) : formatted.message
  const isCoded = appErrorOf(error) !== undefined || PROTOCOL_CODES.has(extensions['code'])
  return { ...formatted, message, extensions: isCoded ? extensions : { ...extensions, code: ApolloServerErrorCode.BAD_USER_INPUT } }
}

/** Whether the message is meant for whoever asked. */
function isShown(error: GraphQLError): boolean {
  const fault = appErrorOf(error)
  if (fault) return fault.code !== 'INTERNAL_SERVER_ERROR'
  // Without a path it was found before any resolver ran; with one it must be about the document, not about an answer.
  if (error.path === undefined && PROTOCOL_CODES.has(error.extensions['code'])) return true
  return isAboutInput(error)
}

/** True when graphql-js itself says so of a place in the document that is not a field: an argument or a variable's value. */
function isAboutInput(error: GraphQLError): boolean {
  // A scalar may refuse a variable's value with any error: no resolver has run yet.
  if (error.path === undefined && error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION) return true
  let cause: Error | undefined = error
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError
  const place = error.nodes?.[0]?.kind
  return cause instanceof GraphQLError && place !== undefined && place !== Kind.FIELD
}

/** The AppError behind an error, if there is one: graphql-js wraps what a resolver throws. */
function appErrorOf(error: Error): AppError | undefined {
  let cause: Error | undefined = error
  while (cause instanceof GraphQLError) {
    if (cause instanceof AppError) return cause
    cause = cause.originalError
  }
  return undefined
}
