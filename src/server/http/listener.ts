import type { IncomingMessage, RequestListener } from 'node:http'
import { AppError } from '../../core/contract/errors.js'
import { newId } from '../../core/platform/ids.js'
import { scrubApiKeys } from '../../core/platform/scrub.js'
import { credentialsOf } from '../../enforcement/authenticate.js'
import { OverloadError } from '../load/load-gate.js'
import { METRICS_READ } from '../metrics.js'
import { auditRefusal, verdictOf } from '../operation/audit-calls.js'
import { internalMessage } from '../operation/mask-errors.js'
import { type Exchange, HttpFault, JSON_TYPE, refusalOf, send } from './answer.js'
import { ClientGoneError } from './body.js'
import { clientAddress } from './client-address.js'
import { corsHeaders } from './cors.js'
import { isTrustedHere } from './graphql/anonymous.js'
import { answerGraphQL } from './graphql/graphql-endpoint.js'
import { livez, readyz } from './health.js'
import type { HttpParts } from './http-parts.js'

/** A request id that a client may choose: it goes into logs, changes and answers as it is, and so must not hold a key. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/

/** The handler of every request of the server. */
export function createRequestListener(parts: HttpParts): RequestListener {
  return (request, response) => {
    const headers = corsHeaders(request, parts.settings.corsOrigins)
    const exchange: Exchange = { request, response, requestId: requestIdOf(request), headers, caller: undefined }
    route(exchange, parts).catch((error: unknown) => refuse(exchange, error, parts))
  }
}

/** The client's own request id where it is fit to be used, else a new one. */
function requestIdOf({ headers: { 'x-request-id': given } }: IncomingMessage): string {
  return typeof given === 'string' && REQUEST_ID.test(given) && scrubApiKeys(given) === given ? given : newId()
}

async function route(exchange: Exchange, parts: HttpParts): Promise<void> {
  const { url = '/' } = exchange.request
  const query = url.indexOf('?')
  switch (query < 0 ? url : url.slice(0, query)) {
    case '/graphql':
      return answerGraphQL(exchange, parts, query < 0 ? '' : url.slice(query))
    case '/livez':
      allow(exchange, ['GET', 'HEAD'])
      return send(exchange, livez())
    case '/readyz':
      allow(exchange, ['GET', 'HEAD'])
      return send(exchange, readyz(parts))
    case '/metrics':
      allow(exchange, ['GET', 'HEAD'])
      return answerMetrics(exchange, parts)
    case '/':
      return answerRoot(exchange, parts)
    default:
      throw nothingHere()
  }
}

/** Whoever starts the program looks here first: in development it leads to Sandbox. */
function answerRoot(exchange: Exchange, { settings }: HttpParts): void {
  if (!settings.isDevelopment) throw nothingHere()
  allow(exchange, ['GET', 'HEAD'])
  send(exchange, { status: 302, contentType: JSON_TYPE, body: '{"location":"/graphql"}\n', headers: { location: '/graphql' } })
}

function nothingHere(): HttpFault {
  return new HttpFault('NOT_FOUND', 'There is nothing at this path. GraphQL is at /graphql, probes are at /livez and /readyz.')
}

/** Throws HttpFault METHOD_NOT_ALLOWED for any method but these. */
function allow({ request }: Exchange, methods: readonly string[]): void {
  if (methods.includes(request.method ?? '')) return
  throw new HttpFault('METHOD_NOT_ALLOWED', `This path takes ${methods.join(', ')}.`, { allow: methods.join(', ') })
}

async function answerMetrics(exchange: Exchange, { settings, authenticator, metrics }: HttpParts): Promise<void> {
  const credentials = credentialsOf(exchange.request)
  const isKeyless = credentials.authorization === undefined && credentials.apiKey === undefined
  const isOpen = isKeyless && isTrustedHere(exchange.request, settings)
  const remoteAddress = clientAddress(exchange.request, settings.trustedProxies)
  if (!isOpen) exchange.caller = authenticator.authenticate(credentials, remoteAddress)
  if (exchange.caller && !exchange.caller.permissions.has(METRICS_READ)) {
    throw new AppError('FORBIDDEN', `Metrics need the permission ${METRICS_READ}.`)
  }
  const { contentType, body } = await metrics.text()
  send(exchange, { status: 200, contentType, body })
}

/** Tells that there is too much to do: as cheaply as can be. */
async function shed(exchange: Exchange, error: OverloadError, { load, metrics }: HttpParts): Promise<void> {
  metrics.observe({ operation: 'none', outcome: error.code })
  await load.patience()
  send(exchange, refusalOf(error))
}

/** Answers what was thrown. */
function refuse(exchange: Exchange, error: unknown, parts: HttpParts): void {
  if (error instanceof OverloadError) return void shed(exchange, error, parts)
  const { settings, log, metrics, audit } = parts
  const { request, response, requestId } = exchange
  if (error instanceof ClientGoneError) {
    response.destroy()
    return
  }
  const peer = clientAddress(request, settings.trustedProxies)
  const isExpected = error instanceof AppError || error instanceof HttpFault
  const fault = isExpected ? error : new AppError('INTERNAL_SERVER_ERROR', internalMessage(requestId), { extensions: { requestId } })
  if (!isExpected) log.error({ requestId, err: error }, 'request failed')
  else if (fault.code === 'UNAUTHENTICATED') log.info({ requestId, peer, reason: verdictOf(fault) }, 'refused: not authenticated')
  if (fault instanceof AppError) {
    const operation = request.url?.startsWith('/metrics') ? 'metrics' : 'request'
    auditRefusal(audit, { error: fault, operation, caller: exchange.caller, remoteAddress: peer, requestId })
  }
  if (request.url?.startsWith('/graphql')) metrics.observe({ operation: 'none', outcome: fault.code })
  if (response.headersSent) response.destroy()
  else send(exchange, refusalOf(fault))
}
