import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../../core/contract/caller.js'
import { AppError } from '../../core/contract/errors.js'

/** One request on its way to its answer. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Names the call in answers, logs and changes. */
  readonly requestId: string
  /** Headers that every answer to this request carries, whatever it is. */
  readonly headers: Readonly<Record<string, string>>
  /** Who asks, once that is known. */
  caller: Caller | undefined
}

/** What is sent back. */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Media type of everything here that is not GraphQL's own answer. */
export const JSON_TYPE = 'application/json; charset=utf-8'

/** The media type of GraphQL over HTTP. */
export const RESPONSE_TYPE = 'application/graphql-response+json'

/** Whether a client asks for GraphQL's own media type, and so for the statuses that go with it. */
export function isResponseTypeWanted(accept: string | undefined): boolean {
  return accept?.includes(RESPONSE_TYPE) ?? false
}

/** Nothing here is a page, and no answer may be kept by anybody on the way. */
const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** Codes of requests that HTTP itself refuses. */
export type HttpFaultCode = 'BAD_REQUEST' | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE'

const FAULT_STATUS: Readonly<Record<HttpFaultCode, number>> = {
  BAD_REQUEST: 400,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
}

/** A request that is refused before GraphQL sees it; its message is shown. */
export class HttpFault extends Error {
  readonly code: HttpFaultCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: HttpFaultCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.name = 'HttpFault'
    this.code = code
    this.status = FAULT_STATUS[code]
    this.headers = headers
  }
}

/** A declared body up to this many bytes is read to its end by Node after the answer, so that the connection stays usable. */
const DRAINED_BYTES = 64 * 1024
/** How long the rest of a larger body is read and thrown away after the answer, in milliseconds. */
const LINGER_MS = 2_000

/** A fault as it is shown, without what is meant for HTTP only. */
export function shownFault(fault: AppError | HttpFault): { readonly message: string; readonly extensions: Record<string, unknown> } {
  const { http: _http, ...extensions } = fault instanceof AppError ? fault.extensions : { code: fault.code }
  return { message: fault.message, extensions }
}

/** The answer to a refused request, in GraphQL's shape. */
export function refusalOf(fault: AppError | HttpFault): Answer {
  return {
    status: fault.status,
    contentType: JSON_TYPE,
    body: `${JSON.stringify({ errors: [shownFault(fault)] })}\n`,
    headers: fault instanceof AppError ? Object.fromEntries(fault.headers) : fault.headers,
  }
}

/**
 * Sends an answer. When the request's body has not arrived yet, its rest is read and dropped for a moment: a connection
 * that is closed while the client is still sending would be reset, and the client would never see the answer.
 */
export function send({ request, response, requestId, headers }: Exchange, answer: Answer): void {
  if (response.headersSent || response.destroyed) return
  const all: Record<string, string | number> = {
    ...SAFE_HEADERS,
    ...headers,
    ...answer.headers,
    'x-request-id': requestId,
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
  }
  if (answer.status === 204) {
    // RFC 9110, 8.6: no Content-Length where there can be no content.
    const { 'content-length': _length, 'content-type': _type, ...others } = all
    response.writeHead(204, others).end()
    return
  }
  const isHead = request.method === 'HEAD'
  if (isBodyUnread(request)) {
    response.writeHead(answer.status, { ...all, connection: 'close' })
    if (!isHead) response.write(answer.body)
    linger(request, () => response.end())
    return
  }
  response.writeHead(answer.status, all)
  response.end(isHead ? undefined : answer.body)
}

/** Whether more of a body may be on its way than Node should read for nothing. */
function isBodyUnread(request: IncomingMessage): boolean {
  if (request.complete) return false
  const { 'content-length': declared, 'transfer-encoding': encoding } = request.headers
  return encoding !== undefined || Number(declared ?? 0) > DRAINED_BYTES
}

function linger(request: IncomingMessage, done: () => void): void {
  const finish = (): void => {
    clearTimeout(timer)
    request.off('end', finish).off('close', finish).off('error', finish)
    request.on('error', () => undefined)
    done()
  }
  const timer = setTimeout(finish, LINGER_MS)
  request.on('end', finish).on('close', finish).on('error', finish)
  request.resume()
}
