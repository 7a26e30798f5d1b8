import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { handleProtocols } from 'graphql-ws'
import { WebSocket, WebSocketServer } from 'ws'
import type { Settings } from '../core/settings.js'
import type { Ledger } from '../core/state/ledger.js'
import { clientAddress } from './client-address.js'
import { CLOSE_CODES, type Connection, Connections, closeSocket, NO_LONGER_VALID } from './connections.js'
import { isOriginWelcome } from './cors.js'
import type { StreamActivity } from './event-stream.js'
import { createProtocol, type ProtocolParts } from './socket-protocol.js'
import { refuseUpgrade, serveWithoutUpgrade } from './upgrade.js'

/** What serves GraphQL over WebSockets. */
export interface Subscriptions {
  readonly connections: Connections
  /** Subscriptions that are running. */
  count(): number
  /** Lets the events that are under way arrive, then closes every connection with 1001. */
  close(): Promise<void>
}

/** What it is made of. */
export interface SubscriptionsOptions extends Omit<ProtocolParts, 'activity'> {
  readonly settings: Pick<Settings, 'corsOrigins' | 'trustedProxies' | 'maxBodyBytes'>
  readonly ledger: Pick<Ledger, 'onCommit'>
  readonly isClosing: () => boolean
}

/** How often a connection is asked whether it lives; milliseconds. */
const PING_EVERY_MS = 12_000
/** A key that expires is noticed within this time: half of the second that it may take. */
const RECHECK_EVERY_MS = 500
/** At the end: how long events may take to arrive, and clients to say goodbye. */
const LAST_EVENTS_MS = 1_000
const GOODBYE_MS = 1_000
/** Connections that have not said yet who they are. */
const MAX_STRANGERS = 500
/** The pack that keeps API clients. */
const CLIENTS_PACK = 'UD'

/** Serves WebSockets at /graphql of an HTTP server. */
export function serveSubscriptions(server: Server, options: SubscriptionsOptions): Subscriptions {
  const activity: StreamActivity = { open: 0, delivering: 0 }
  const connections = new Connections()
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.settings.maxBodyBytes,
    perMessageDeflate: false,
    handleProtocols,
  })
  const protocol = createProtocol({ ...options, activity })
  const accept = (socket: WebSocket, request: IncomingMessage): void => {
    const remoteAddress = clientAddress(request, options.settings.trustedProxies)
    const connection: Connection = { socket, request, remoteAddress, caller: undefined, operations: new Map() }
    connections.add(connection)
    serve(connection, protocol, options)
    socket.once('close', () => connections.delete(connection))
  }
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') return serveWithoutUpgrade(server, { request, socket, head })
    const fault = upgradeFault(request, connections, options)
    if (fault) refuseUpgrade(socket, fault)
    else sockets.handleUpgrade(request, socket as Duplex, head, accept)
  })
  const stopRechecks = recheckCallers(connections, options)
  return {
    connections,
    count: () => activity.open,
    async close() {
      stopRechecks()
      await settle(connections, activity)
      for (const { socket } of connections) closeSocket(socket, CLOSE_CODES.goingAway, 'The server is shutting down')
      await Promise.race([untilEmpty(connections), wait(GOODBYE_MS, undefined, { ref: false })])
      for (const { socket } of connections) socket.terminate()
      sockets.close()
    },
  }
}

/** Why a WebSocket is not opened. */
function upgradeFault(request: IncomingMessage, connections: Connections, { settings, isClosing }: SubscriptionsOptions) {
  if (isClosing()) return { status: 503, message: 'The server is shutting down.' }
  if (request.url?.split('?')[0] !== '/graphql') return { status: 404, message: 'WebSockets are at /graphql.' }
  if (!isOriginWelcome(request, settings.corsOrigins)) return { status: 403, message: 'Pages of this origin may not connect.' }
  let strangers = 0
  for (const { caller } of connections) if (!caller) strangers += 1
  return strangers < MAX_STRANGERS ? undefined : { status: 503, message: 'Too many connections wait to be authenticated.' }
}

/** Ties a connection to the protocol, until it is closed. */
function serve(connection: Connection, protocol: ReturnType<typeof createProtocol>, { log }: SubscriptionsOptions): void {
  const { socket, remoteAddress } = connection
  const onClosed = protocol.opened(
    {
      protocol: socket.protocol,
      // Waits until the data has left this process, so that a slow client slows its own subscriptions only.
      send: (data) => new Promise((resolve) => (socket.readyState === WebSocket.OPEN ? socket.send(data, () => resolve()) : resolve())),
      close: (code = CLOSE_CODES.internal, reason = '') => closeSocket(socket, code, reason),
      onMessage: (handle) =>
        socket.on('message', (data) => {
          // Until the client has said goodbye too, its messages still arrive: nobody is heard who was told to go.
          if (socket.readyState !== WebSocket.OPEN) return
          handle(String(data)).catch((error: unknown) => {
            log.error({ err: error, peer: remoteAddress }, 'a WebSocket message failed')
            closeSocket(socket, CLOSE_CODES.internal, 'Internal error')
          })
        }),
    },
    connection,
  )
  // Broken frames and messages that are too large: ws closes the connection itself, with the code that says why.
  socket.on('error', (error) => log.debug({ err: error, peer: remoteAddress }, 'WebSocket broken by its client'))
  const stopPings = keepAlive(socket)
  socket.once('close', (code, reason) => {
    stopPings()
    onClosed(code, String(reason)).catch((error: unknown) => log.error({ err: error }, 'a WebSocket was not closed cleanly'))
  })
}

/** Pings, and lets go of who does not answer until the next ping. */
function keepAlive(socket: WebSocket): () => void {
  let isAlive = true
  socket.on('pong', () => {
    isAlive = true
  })
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, PING_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Closes the connections of keys that stop working: at once when a client is changed, within a second when a key expires. */
function recheckCallers(connections: Connections, { ledger, authenticator }: SubscriptionsOptions): () => void {
  const recheck = (): void =>
    connections.closeUnless((caller) => authenticator.isStillValid(caller), CLOSE_CODES.forbidden, NO_LONGER_VALID)
  const timer = setInterval(recheck, RECHECK_EVERY_MS)
  timer.unref()
  // No changes at all: the state was loaded anew, and anything may have changed.
  const stop = ledger.onCommit((changes) => {
    if (changes.length === 0 || changes.some(({ pack }) => pack === CLIENTS_PACK)) recheck()
  })
  return () => {
    clearInterval(timer)
    stop()
  }
}

/** Waits until no event is on its way: none between a source and its socket, none in a socket's buffer. */
async function settle(connections: Connections, activity: StreamActivity): Promise<void> {
  const deadline = AbortSignal.timeout(LAST_EVENTS_MS)
  for (let quietTurns = 0; quietTurns < 3 && !deadline.aborted; ) {
    await nextTurn()
    const isQuiet = activity.delivering === 0 && [...connections].every(({ socket }) => socket.bufferedAmount === 0)
    quietTurns = isQuiet ? quietTurns + 1 : 0
  }
}

async function untilEmpty(connections: Connections): Promise<void> {
  while (connections.size > 0) await wait(5)
}
