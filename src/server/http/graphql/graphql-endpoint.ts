import { HeaderMap, type HTTPGraphQLResponse } from '@apollo/server'
import type { FormattedExecutionResult } from 'graphql'
import type { Caller } from '../../../core/contract/caller.js'
import { AppError } from '../../../core/contract/errors.js'
import { AnswerTooLargeError } from '../../../core/graphql/bounds/answer-budget.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { ANONYMOUS, credentialsOf } from '../../../enforcement/authenticate.js'
import { OPERATIONS_RUN } from '../../../packs/admin-operations/index.js'
import type { KnownDocument } from '../../operation/known-document.js'
import type { Answered } from '../../operation/operations.js'
import { type Exchange, HttpFault, isResponseTypeWanted, JSON_TYPE, RESPONSE_TYPE, send } from '../answer.js'
import { checkContentType, parseBody, type RequestBody, readBody } from '../body.js'
import { clientAddress } from '../client-address.js'
import { preflightHeaders } from '../cors.js'
import { endUser } from '../end-user.js'
import type { HttpParts } from '../http-parts.js'
import { isIntrospectionOnly, isTrustedHere } from './anonymous.js'
import { headOf } from './answer-head.js'
import { answerText } from './answer-text.js'
import { plainAsk } from './short-way.js'

/** What Apollo looks at; it never sees a key. */
const FORWARDED_HEADERS = ['accept', 'content-type', 'x-apollo-operation-name', 'apollo-require-preflight'] as const

/** A body of those who may run admin operations, which may have a thousand steps, in bytes. */
const MAX_OPERATION_BYTES = 2 * 1024 * 1024

/** A GraphQL request that may be executed. */
interface Admitted {
  readonly caller: Caller
  readonly method: 'GET' | 'POST'
  readonly body: RequestBody | undefined
  /** From the question mark on. */
  readonly search: string
}

/** Answers a request to /graphql: preflight, Sandbox or GraphQL. Throws what refuses it. */
export async function answerGraphQL(exchange: Exchange, parts: HttpParts, search: string): Promise<void> {
  const { request } = exchange
  switch (request.method) {
    case 'OPTIONS': {
      const headers = { allow: 'GET, POST, OPTIONS', ...preflightHeaders(exchange.headers) }
      return send(exchange, { status: 204, contentType: JSON_TYPE, body: '', headers })
    }
    case 'GET': {
      if (parts.settings.isDevelopment && isPageWanted(exchange)) return answerSandbox(exchange, parts)
      const caller = authenticate(exchange, parts)
      parts.load.demandCalm(caller)
      return execute(exchange, parts, { caller, method: 'GET', body: undefined, search })
    }
    case 'POST': {
      checkContentType(request)
      return execute(exchange, parts, await admit(exchange, parts))
    }
    default:
      throw new HttpFault('METHOD_NOT_ALLOWED', 'GraphQL is asked with POST or GET.', { allow: 'GET, POST, OPTIONS' })
  }
}

/** Finds out who asks before anything of the body is read, but for those who may ask for introspection without a key. */
async function admit(exchange: Exchange, parts: HttpParts): Promise<Admitted> {
  const { request } = exchange
  const { maxBodyBytes } = parts.settings
  const { authorization, apiKey } = credentialsOf(request)
  if (authorization === undefined && apiKey === undefined && isTrustedHere(request, parts.settings)) {
    const body = await readBody(request, maxBodyBytes)
      .then(parseBody)
      .catch(() => undefined)
    if (body && isIntrospectionOnly(body, parts.documents)) return { caller: ANONYMOUS, method: 'POST', body, search: '' }
  }
  const caller = authenticate(exchange, parts)
  parts.load.demandCalm(caller)
  const isOperator = caller.permissions.has(OPERATIONS_RUN)
  const body = parseBody(await readBody(request, isOperator ? Math.max(maxBodyBytes, MAX_OPERATION_BYTES) : maxBodyBytes))
  // A body may be half a minute on its way, and the key revoked meanwhile.
  return { caller: parts.authenticator.isStillValid(caller) ? caller : authenticate(exchange, parts), method: 'POST', body, search: '' }
}

function authenticate(exchange: Exchange, { authenticator, settings }: HttpParts): Caller {
  return authenticator.authenticate(credentialsOf(exchange.request), clientAddress(exchange.request, settings.trustedProxies))
}

/** Executes what can be answered in time, and throws OverloadError for the rest. */
async function execute(exchange: Exchange, parts: HttpParts, admitted: Admitted): Promise<void> {
  const { method, body, search } = admitted
  const { query, operationName, variables } = method === 'GET' ? { query: new URLSearchParams(search).get('query') } : (body ?? {})
  const known = parts.documents.read(query)
  const name = typeof operationName === 'string' ? operationName : undefined
  const end = parts.load.begin(known?.kindWith(name, variables) ?? 'memory')
  try {
    await executeAdmitted(exchange, parts, { ...admitted, known })
  } finally {
    end()
  }
}

async function executeAdmitted(
  exchange: Exchange,
  parts: HttpParts,
  { caller, known, ...asked }: Admitted & { readonly known: KnownDocument | undefined },
): Promise<void> {
  const { request, requestId } = exchange
  const remoteAddress = clientAddress(request, parts.settings.trustedProxies)
  const context = parts.createContext({ caller, requestId, remoteAddress, user: endUser(request) })
  if (known && known.brokenLimits.length > 0) return refuseDocument(exchange, await parts.operations.refuse(context, known.brokenLimits))
  const plain = asked.body && known && parts.shortcuts.isApolloSpared ? plainAsk(asked.body, known) : undefined
  const contentType = plain && parts.mediaTypes.chosenFor(request.headers.accept)
  if (!plain || contentType === undefined) return askApollo(exchange, parts, { ...asked, context })
  const startedAtMs = parts.clock.monotonicMs()
  const answered = await parts.operations.run({ ...plain, context, startedAtMs, way: 'short' })
  await sendAnswered(exchange, { answered, contentType }, parts)
}

/** The reference, and the only one that tells of what is wrong with a request. */
async function askApollo(
  exchange: Exchange,
  { engine, mediaTypes, settings }: HttpParts,
  { context, ...asked }: Omit<Admitted, 'caller'> & { readonly context: RequestContext },
): Promise<void> {
  const headers = new HeaderMap()
  for (const name of FORWARDED_HEADERS) {
    const value = exchange.request.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  // Whoever is here has sent a key, which no page of another origin can without being let in first.
  if (context.caller !== ANONYMOUS) headers.set('apollo-require-preflight', 'true')
  const answer = await engine.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { ...asked, headers },
    context: () => Promise.resolve(context),
  })
  const contentType = answer.headers.get('content-type')
  if (answer.status === 200 && contentType !== undefined) mediaTypes.remember(headers.get('accept'), contentType)
  return sendAnswer(exchange, answer, settings.maxAnswerBytes)
}

/** Sends what Apollo would send. */
async function sendAnswered(
  exchange: Exchange,
  { answered, contentType }: { readonly answered: Answered; readonly contentType: string },
  { settings }: HttpParts,
): Promise<void> {
  const { errors, data } = answered.result
  const text = answerText({ errors, data } as FormattedExecutionResult)
  const body = typeof text === 'string' ? text : await text
  demandSendable(body, settings.maxAnswerBytes)
  send(exchange, { ...headOf(answered, exchange.request.headers.accept), contentType, body })
}

/** Tells of a document that breaks a limit of documents in the media type of a document that is not valid. */
function refuseDocument(exchange: Exchange, answered: Answered): void {
  const { accept } = exchange.request.headers
  send(exchange, {
    ...headOf(answered, accept),
    contentType: isResponseTypeWanted(accept) ? `${RESPONSE_TYPE}; charset=utf-8` : JSON_TYPE,
    body: `${JSON.stringify(answered.result)}\n`,
  })
}

/** Throws AnswerTooLargeError where what was counted while an answer was put together fell short of what it is as a text. */
function demandSendable(text: string, maxBytes: number): void {
  if (Buffer.byteLength(text) > maxBytes) throw new AnswerTooLargeError(maxBytes)
}

function sendAnswer(exchange: Exchange, { status = 200, headers, body }: HTTPGraphQLResponse, maxBytes: number): void {
  const text = wholeOf(body)
  demandSendable(text, maxBytes)
  send(exchange, {
    status,
    contentType: headers.get('content-type') ?? JSON_TYPE,
    body: text,
    headers: Object.fromEntries(headers),
  })
}

/** GraphQL 16 has no answers in parts. */
function wholeOf(body: HTTPGraphQLResponse['body']): string {
  if (body.kind !== 'complete') throw new TypeError('an answer does not come in parts')
  return body.string
}

/** Whether a browser's address bar asks: it names pages and does not name JSON. */
function isPageWanted({ request: { headers } }: Exchange): boolean {
  const accept = headers.accept ?? ''
  return accept.includes('text/html') && !accept.includes('json')
}

/** Apollo Sandbox, which needs no key itself. The page brings its own policy about what it may load. */
async function answerSandbox(exchange: Exchange, { engine }: HttpParts): Promise<void> {
  const { status, headers, body } = await engine.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'GET', headers: new HeaderMap([['accept', 'text/html']]), search: '', body: undefined },
    context: () => Promise.reject(new AppError('UNAUTHENTICATED', 'An API key is needed.')),
  })
  const contentType = headers.get('content-type') ?? 'text/html'
  send(exchange, {
    status: status ?? 200,
    contentType: `${contentType}; charset=utf-8`,
    body: wholeOf(body),
    headers: { 'content-security-policy': "frame-ancestors 'none'" },
  })
}
