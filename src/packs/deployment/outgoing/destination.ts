import { literalOf } from './addresses.js'

/** Where requests may be sent. */
export interface Destination {
  /** Scheme, host and port, as `URL.origin` writes them. */
  readonly origin: string
  /** What stands before every path; empty, or begins with a slash and ends without one. */
  readonly prefix: string
  /** Whether it is this service itself: keys go nowhere else. */
  readonly isOwn: boolean
  /** The host when it is an IP address; undefined when it is a name. */
  readonly literal: string | undefined
}

/** What is allowed. */
export interface DestinationRules {
  /** Where this service is, each with the path that it has there, if any. */
  readonly ownUrls: readonly string[]
  /** Other origins that the operator allows, as `URL.origin` writes them. */
  readonly allowedOrigins: readonly string[]
}

/** A destination, or why there is none, in words that may be shown. */
export type DestinationResult = { readonly destination: Destination } | { readonly fault: string }

/**
 * The destination that a URL names, if requests may be sent there. Compared as the WHATWG URL standard writes it, so that
 * every spelling of a host counts as the host that would be connected to.
 */
export function destinationOf(url: URL, { ownUrls, allowedOrigins }: DestinationRules): DestinationResult {
  const { protocol, username, password, search, hash, origin } = url
  if (protocol !== 'http:' && protocol !== 'https:') return { fault: 'This must be a URL that starts with http:// or https://.' }
  if (username !== '' || password !== '') return { fault: 'This must not hold a user or a password.' }
  if (search !== '' || hash !== '') return { fault: 'This must not hold a query or a fragment; the checks have paths of their own.' }
  const prefix = url.pathname.replace(/\/+$/, '')
  const literal = literalOf(url.hostname)
  if (ownUrls.some((own) => isSameBase(own, { origin, prefix }))) return { destination: { origin, prefix, isOwn: true, literal } }
  if (allowedOrigins.includes(origin)) return { destination: { origin, prefix, isOwn: false, literal } }
  return {
    fault: `Only this service itself (${ownUrls.join(', ')}) and the origins in SMOKE_ALLOWED_ORIGINS may be probed.`,
  }
}

/** An own URL has its path, too: what else is served at the same origin is not this service. */
function isSameBase(own: string, { origin, prefix }: Pick<Destination, 'origin' | 'prefix'>): boolean {
  const url = new URL(own)
  return url.origin === origin && url.pathname.replace(/\/+$/, '') === prefix
}
