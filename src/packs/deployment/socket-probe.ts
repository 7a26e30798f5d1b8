import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { CheckContext } from './process-checks.js'
import { failed, PASSED, type Verdict } from './probe.js'

/** An answer that is longer breaks the connection. */
const MAX_MESSAGE_BYTES = 64 * 1024

/** The refusal of an upgrade, with its HTTP status. */
class UpgradeRefused extends Error {
  readonly statusCode: number

  constructor(statusCode: number) {
    super(`the upgrade was refused with ${statusCode}`)
    this.name = 'UpgradeRefused'
    this.statusCode = statusCode
  }
}

/** The socket of a handshake: no redirects, and bounded in what it takes. */
class ProbeSocket extends WebSocket {
  constructor(address: string, protocols: string | string[]) {
    super(address, protocols, { followRedirects: false, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES })
  }
}

/**
 * Opens a WebSocket as a subscriber would (graphql-transport-ws), says who it is with the key of the run, and has an
 * operation answered. Only ever called for this service itself.
 */
export async function shakeHands({ destination, key, signal }: CheckContext): Promise<Verdict> {
  const { createClient } = await import('graphql-ws')
  let refusal: UpgradeRefused | undefined
  class WatchedSocket extends ProbeSocket {
    constructor(address: string, protocols: string | string[]) {
      super(address, protocols)
      this.once('unexpected-response', (_request, { statusCode = 0 }: IncomingMessage) => {
        refusal = new UpgradeRefused(statusCode)
        this.terminate()
      })
    }
  }
  const client = createClient({
    url: `${destination.origin.replace(/^http/, 'ws')}${destination.prefix}/graphql`,
    webSocketImpl: WatchedSocket,
    connectionParams: { apiKey: key },
    retryAttempts: 0,
    connectionAckWaitTimeout: 0,
  })
  const stop = (): void => client.terminate()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const { data, errors } of client.iterate({ query: '{ __typename }' })) {
      if (!errors && data?.['__typename'] === 'Query') return { ...PASSED, statusCode: 101 }
    }
    return failed('The subscription endpoint took the connection, but did not answer a query on it. Look into the log.', { statusCode: 101 })
  } catch (error) {
    signal.throwIfAborted()
    return refusal
      ? failed(`The upgrade to a WebSocket was refused with the status ${refusal.statusCode}. Does a proxy in between let WebSockets through?`, {
          statusCode: refusal.statusCode,
        })
      : failed(`The handshake of a subscription failed${closeCodeOf(error)}. Does a proxy in between let WebSockets through?`)
  } finally {
    signal.removeEventListener('abort', stop)
    await client.dispose()
  }
}

/** The code that the other side closed the connection with. */
function closeCodeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'number' ? ` (closed with ${code})` : ''
}
