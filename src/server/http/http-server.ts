import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
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
  /** From now on every answer ends its connection, which its client is told. */
  leave(): void
  /** Takes no more connections, ends those without a request, and waits until the running requests are answered, at most `graceMs`. */
  drain(graceMs: number): Promise<void>
  /** Ends every connection that is left. */
  close(): Promise<void>
}

const MAX_HEADER_BYTES = 16 * 1024
/** Turns of the event loop in which a request that has arrived is read: of the turn that is under way only a part is left. */
const TURNS_TO_READ = 2

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
  // The HTTP server's own `close` would cut off connections whose next request has arrived and is not read yet.
  const stop = (): Promise<void> => {
    closed ??= new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()))
    return closed
  }
  return {
    server,
    listen: (port, host) => listen(server, port, host),
    whenAnswered: (socket, work) => running.whenAnswered(socket, work),
    leave: () => running.leave(),
    async drain(graceMs) {
      void stop()
      for (let turn = 0; turn < TURNS_TO_READ; turn += 1) await nextTurn()
      server.closeIdleConnections()
      await running.drain(graceMs)
    },
    async close() {
      const done = stop()
      // Ends the look at connections that are slow, too.
      server.close()
      server.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
      await done
    },
  }
}

/** The answers that are not sent yet. */
class RunningAnswers {
  readonly #all = new Set<ServerResponse>()
  #isLeaving = false
  #onIdle: (() => void) | undefined

  add(response: ServerResponse): void {
    this.#all.add(response)
    response.once('close', () => this.#forget([response]))
    if (this.#isLeaving) response.shouldKeepAlive = false
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

  /** From now on they say `Connection: close`, so that nobody sends a request that would be cut off. */
  leave(): void {
    this.#isLeaving = true
    for (const response of this.#all) response.shouldKeepAlive = false
  }

  /** Waits until there are none, at most `graceMs`. */
  async drain(graceMs: number): Promise<void> {
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

/**
 * Connections that may wait to be accepted. Node's own 511 are fewer than a crowd that comes at once, and whoever is turned away then
 * tries again after one second, then two more: the kernel's own limit decides instead.
 */
const WAITING_CONNECTIONS = 4_096

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(new ListenError(listenMessage(error, port, host), { cause: error }))
    server.once('error', onError)
    server.listen({ port, host, backlog: WAITING_CONNECTIONS }, () => {
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
