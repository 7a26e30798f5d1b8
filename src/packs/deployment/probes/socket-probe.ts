import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { CheckContext } from './check-context.js'
import { failed, PASSED, type Verdict } from './verdict.js'

/** An answer that is longer breaks the connection. */
const MAX_MESSAGE_BYTES = 64 * 1024
const PROXY = 'Does a proxy in between let WebSockets through?'

/**
 * Opens a WebSocket as a subscriber would (graphql-transport-ws), says who it is with the key of the run, and has an
 * operation answered. Only ever called for this service itself.
 */
export async function shakeHands({ destination, key, signal }: CheckContext): Promise<Verdict> {
  const { createClient } = await import('graphql-ws')
  let refusedWith: number | undefined
  class ProbeSocket extends WebSocket {
    constructor(address: string, protocols: string | string[]) {
      super(address, protocols, { followRedirects: false, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES })
      this.once('unexpected-response', (_request, { statusCode = 0 }: IncomingMessage) => {
        refusedWith = statusCode
        this.terminate()
      })
      // The client lets go of a socket that it gives up, and one that is not open yet ends with an error that nobody else hears.
      this.on('error', () => undefined)
    }
  }
  const client = createClient({
    url: `${destination.origin.replace(/^http/, 'ws')}${destination.prefix}/graphql`,
    webSocketImpl: ProbeSocket,
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
    return failed('The subscription endpoint took the connection, but did not answer a query on it. Look into the log.', {
      statusCode: 101,
    })
  } catch (error) {
    signal.throwIfAborted()
    if (refusedWith === undefined) return failed(`The handshake of a subscription failed${closeCodeOf(error)}. ${PROXY}`)
    return failed(`The upgrade to a WebSocket was refused with the status ${refusedWith}. ${PROXY}`, { statusCode: refusedWith })
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
