import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The HTTP server cannot listen where it is told to. The message is one line for whoever started the program. */
class ListenError extends Error {
  override readonly name = 'ListenError'
}

/** An HTTP server that can be emptied. */
export interface HttpServer {
  readonly server: Server
  /** Takes connections from now on; throws ListenError. */
  listen(port: number, host: string): Promise<AddressInfo>
  /** Takes no more connections, and waits until the running requests are answered, at most `graceMs`. */
  drain(graceMs: number): Promise<void>
  /** Ends every connection that is left. */
  close(): Promise<void>
}

/** A whole request has to be there in this time; milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000
/** Its headers in this time. */
const HEADERS_TIMEOUT_MS = 10_000
/** How often these times are looked at. */
const CHECK_EVERY_MS = 2_000
/** Longer than the minute after which most load balancers let go of an idle connection, so that it is never us who are first. */
const KEEP_ALIVE_MS = 65_000
const MAX_HEADER_BYTES = 16 * 1024

/** A server that is not listening yet. */
export function createHttpServer(listener: RequestListener): HttpServer {
  const running = new Set<ServerResponse>()
  let isDraining = false
  let onIdle: (() => void) | undefined
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      noDelay: true,
    },
    (request, response) => {
      running.add(response)
      response.once('close', () => {
        running.delete(response)
        if (running.size === 0) onIdle?.()
      })
      if (isDraining) response.shouldKeepAlive = false
      listener(request, response)
    },
  )
  let closed: Promise<void> | undefined
  const stop = (): Promise<void> => {
    closed ??= new Promise((resolve) => server.close(() => resolve()))
    return closed
  }
  return {
    server,
    listen: (port, host) => listen(server, port, host),
    async drain(graceMs) {
      void stop()
      isDraining = true
      // Their answers say `Connection: close`, so that nobody sends a request that would be cut off.
      for (const response of running) response.shouldKeepAlive = false
      if (running.size === 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs)
        onIdle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
    async close() {
      const done = stop()
      server.closeAllConnections()
      await done
    },
  }
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(new ListenError(listenMessage(error, port, host), { cause: error }))
    server.once('error', onError)
    server.listen({ port, host }, () => {
      server.off('error', onError)
      resolve(server.address() as AddressInfo)
    })
  })
}

function listenMessage({ code, message }: NodeJS.ErrnoException, port: number, host: string): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is in use: stop the other program, or set PORT to another one`
  if (code === 'EACCES') return `port ${port} on ${host} may not be used by this user; set PORT to one above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine; set HOST to one`
  return `cannot listen on ${host}, port ${port}: ${message}`
}
