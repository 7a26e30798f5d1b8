import type { IncomingMessage } from 'node:http'

const NONE: Readonly<Record<string, string>> = {}
const ALLOWED_METHODS = 'GET, POST, OPTIONS'
const ALLOWED_HEADERS =
  'authorization, content-type, x-api-key, x-request-id, x-valhalla-user, apollo-require-preflight, x-apollo-operation-name'
const EXPOSED_HEADERS = 'x-request-id, retry-after, ratelimit, ratelimit-policy, www-authenticate'
/** Chromium's own upper limit is two hours; in seconds. */
const PREFLIGHT_SECONDS = 600

/**
 * What a browser needs to hand an answer to a page of another origin (the CORS protocol of the Fetch standard). Only exact
 * origins of the settings are let in, and never cookies: a key is always put in by the page itself.
 */
export function corsHeaders({ headers: { origin } }: IncomingMessage, allowedOrigins: readonly string[]): Readonly<Record<string, string>> {
  if (allowedOrigins.length === 0) return NONE
  if (origin === undefined || !allowedOrigins.includes(origin)) return { vary: 'Origin' }
  return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED_HEADERS }
}

/** What is answered to a preflight, besides {@link corsHeaders}; nothing for an origin that is not let in. */
export function preflightHeaders(cors: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (cors['access-control-allow-origin'] === undefined) return NONE
  return {
    'access-control-allow-methods': ALLOWED_METHODS,
    'access-control-allow-headers': ALLOWED_HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  }
}

/** Whether a page of `origin` may open a WebSocket, which browsers do not check by themselves (RFC 6455, 10.2). */
export function isOriginWelcome({ headers: { origin, host } }: IncomingMessage, allowedOrigins: readonly string[]): boolean {
  if (origin === undefined || allowedOrigins.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}
