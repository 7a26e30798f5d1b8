import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction, Socket } from 'node:net'
import type { Agent, buildConnector, Dispatcher } from 'undici'
import type { Clock } from '../../../core/platform/clock.js'
import { isOrdinaryAddress, isSameAddress, literalOf } from './addresses.js'
import type { Destination } from './destination.js'

/** What of an answer's body is read at most; the rest is not taken off the wire. */
export const MAX_BODY_BYTES = 64 * 1024
const MAX_HEADER_BYTES = 16 * 1024
/** How long a connection may take to be made; milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000
/** How long an idle connection is kept for the next request; milliseconds. */
const KEEP_ALIVE_MS = 1_000

/** The destination leads to an address that requests must not go to. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError'
  readonly code = 'EFORBIDDENADDRESS'
}

/** One request. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST'
  /** Begins with one slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the request, and whatever it waits for. */
  readonly signal: AbortSignal
}

/** What came back. */
export interface OutgoingAnswer {
  readonly status: number
  /** At most {@link MAX_BODY_BYTES}; to be looked at, never to be shown, kept or logged. */
  readonly body: Buffer
  /** False when there was more. */
  readonly isWhole: boolean
  /** From the call until the body was there, in milliseconds. */
  readonly latencyMs: number
}

/** What a client is made of. */
export interface OutgoingOptions {
  readonly destination: Destination
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Finds the addresses of names; the system's resolver by default. */
  readonly lookup?: LookupFunction
}

/**
 * Sends requests to one destination and nowhere else: no redirect is followed, and no proxy of the environment is used. Of an
 * origin that is not our own every address has to be an ordinary one of the internet, unless the operator has allowed that very
 * origin by its address. That is asked before a connection is made to an address as it is written, of every address that a name
 * has at the moment of connecting (the connection is made to one of just these), and once more of the connected socket.
 */
export class OutgoingClient {
  readonly #options: OutgoingOptions
  #agent: Promise<Agent> | undefined

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  /** Throws ForbiddenAddressError, and whatever the network comes to. */
  async request({ method, path, headers, body, signal }: OutgoingRequest): Promise<OutgoingAnswer> {
    const { destination, clock } = this.#options
    this.#agent ??= openAgent(this.#options)
    const agent = await this.#agent
    signal.throwIfAborted()
    const startedAtMs = clock.monotonicMs()
    const answer = await agent.request({
      origin: destination.origin,
      path: `${destination.prefix}${path}`,
      method,
      headers: { 'user-agent': 'valhalla-smoke-test', 'accept-encoding': 'identity', ...headers },
      body: body ?? null,
      signal,
    })
    const { bytes, isWhole } = await readCapped(answer.body)
    return { status: answer.statusCode, body: bytes, isWhole, latencyMs: clock.monotonicMs() - startedAtMs }
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined)
    await agent?.destroy()
  }
}

/** Loaded when it is first needed: most processes never send a request. */
async function openAgent(options: OutgoingOptions): Promise<Agent> {
  // A CommonJS package: in a bundle, what is loaded later has its names in `default` alone.
  const { Agent, buildConnector } = (await import('undici')).default
  return new Agent({
    connect: guardedConnector(options, buildConnector),
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    allowH2: false,
  })
}

function guardedConnector(
  { destination, lookup = systemLookup as LookupFunction }: OutgoingOptions,
  build: typeof buildConnector,
): buildConnector.connector {
  const { literal } = destination
  const isGuarded = !destination.isOwn && literal === undefined
  const connect = build({
    timeout: CONNECT_TIMEOUT_MS,
    lookup: isGuarded ? guardedLookup(lookup) : lookup,
    // Over TLS the connector's type wants the rest of a TLS connection's options; there are none.
  } as buildConnector.BuildOptions)
  const isAllowedPeer = (address: string): boolean => {
    if (literal !== undefined) return isSameAddress(address, literal)
    return destination.isOwn || isOrdinaryAddress(address)
  }
  return (options, callback) => {
    const written = literalOf(options.hostname)
    if (written !== undefined && !isAllowedPeer(written)) return callback(forbidden(), null)
    connect(options, (...[error, socket]: readonly [Error, null] | readonly [null, Socket]) => {
      if (error) return callback(error, null)
      if (isAllowedPeer(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(forbidden(), null)
    })
  }
}

/** A name is refused as a whole when one of its addresses is not an ordinary one. */
function guardedLookup(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses = typeof found === 'string' ? [{ address: found, family: 0 }] : (found ?? [])
      const [first] = addresses
      if (error || !first) return callback(error ?? noAddress(hostname), '', 0)
      if (!addresses.every(({ address }) => isOrdinaryAddress(address))) return callback(forbidden(), '', 0)
      if (options.all) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
}

function forbidden(): ForbiddenAddressError {
  return new ForbiddenAddressError('the destination has an address that is not an ordinary one of the internet')
}

function noAddress(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' })
}

/** Stops reading where the cap is reached, which ends the connection. */
async function readCapped(body: Dispatcher.ResponseData['body']): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    // Leaving the loop destroys the stream.
    if (size > MAX_BODY_BYTES) break
  }
  return { bytes: Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES), isWhole: size <= MAX_BODY_BYTES }
}
