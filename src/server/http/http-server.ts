import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionLimits } from '../connection-limits.js'

/** The HTTP server cannot listen where it is told to. The message is one line for whoever started the program. */
class ListenError extends Error {
  override readonly name = 'ListenError'
}

/** An HTTP server that can be emptied. */
export interface HttpServer {
  readonly server: Server
  /** Takes connections from now on; throws ListenError. */
  listen(port: number, host: string): Promise<AddressInfo>
  /** Does something with a connection once no answer is on its way there any more: at once where that is so already. */
  whenAnswered(socket: Duplex, work: () => void): void
  /** Takes no more connections, and waits until the running requests are answered, at most `graceMs`. */
  drain(graceMs: number): Promise<void>
  /** Ends every connection that is left. */
  close(): Promise<void>
}

const MAX_HEADER_BYTES = 16 * 1024

/** A server that is not listening yet. */
export function createHttpServer(listener: RequestListener, network: ConnectionLimits): HttpServer {
  const running = new RunningAnswers()
  const server = createServer(
    {
      requestTimeout: network.requestMs,
      headersTimeout: network.headersMs,
      connectionsCheckingInterval: network.checkEveryMs,
      keepAliveTimeout: network.keepAliveMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      noDelay: true,
    },
    (request, response) => {
      running.add(response)
      listener(request, response)
    },
  )
  // An answer that nobody reads must not be held for ever.
  server.setTimeout(network.idleMs)
  const upgraded = trackUpgrades(server)
  onceClosed(server, (socket) => running.forgetThoseOf(socket))
  let closed: Promise<void> | undefined
  const stop = (): Promise<void> => {
    closed ??= new Promise((resolve) => server.close(() => resolve()))
    return closed
  }
  return {
    server,
    listen: (port, host) => listen(server, port, host),
    whenAnswered: (socket, work) => running.whenAnswered(socket, work),
    drain(graceMs) {
      void stop()
      return running.drain(graceMs)
    },
    async close() {
      const done = stop()
      server.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
      await done
    },
  }
}

/** The answers that are not sent yet. */
class RunningAnswers {
  readonly #all = new Set<ServerResponse>()
  #isDraining = false
  #onIdle: (() => void) | undefined

  add(response: ServerResponse): void {
    this.#all.add(response)
    response.once('close', () => this.#forget([response]))
    if (this.#isDraining) response.shouldKeepAlive = false
  }

  /** Waits for the answers to one connection; where it is closed before, nothing is done. */
  whenAnswered(socket: Duplex, work: () => void): void {
    const [first] = this.#thoseOf(socket)
    if (first) first.once('close', () => this.whenAnswered(socket, work))
    else if (!socket.destroyed) work()
  }

  /** An answer that waits for the ones before it on its connection is told nothing of the connection's end. */
  forgetThoseOf(socket: Duplex): void {
    this.#forget(this.#thoseOf(socket))
  }

  /** Waits until there are none, at most `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true
    // They say `Connection: close`, so that nobody sends a request that would be cut off.
    for (const response of this.#all) response.shouldKeepAlive = false
    if (this.#all.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs)
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #thoseOf(socket: Duplex): ServerResponse[] {
    return [...this.#all].filter(({ req }) => req.socket === socket)
  }

  #forget(responses: Iterable<ServerResponse>): void {
    for (const response of responses) this.#all.delete(response)
    if (this.#all.size === 0) this.#onIdle?.()
  }
}

/** Tells of the end of each connection, once; some are handed to the server again for their next request. */
function onceClosed(server: Server, tell: (socket: Duplex) => void): void {
  const known = new WeakSet<Duplex>()
  server.on('connection', (socket: Duplex) => {
    if (known.has(socket)) return
    known.add(socket)
    socket.once('close', () => tell(socket))
  })
}

/** Connections that asked for another protocol: Node hands them over and forgets them, though it waits for their end. */
function trackUpgrades(server: Server): ReadonlySet<Duplex> {
  const upgraded = new Set<Duplex>()
  server.on('upgrade', (_request, socket: Duplex) => {
    if (upgraded.has(socket)) return
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket))
  })
  return upgraded
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
