import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { handleProtocols } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Caller } from '../../core/contract/caller.js'
import { ipSubject } from '../../core/values/ip-subject.js'
import { credentialsOf } from '../../enforcement/authenticate.js'
import { apiClients } from '../../packs/api-clients/index.js'
import type { ConnectionLimits } from '../connection-limits.js'
import type { FrontParts } from '../front-parts.js'
import { clientAddress } from '../http/client-address.js'
import { isOriginWelcome } from '../http/cors.js'
import type { HttpServer } from '../http/http-server.js'
import { CLOSE_CODES, type Connection, Connections, closeSocket, isAsking } from './connections.js'
import type { StreamActivity } from './event-stream.js'
import { createProtocol } from './socket-protocol.js'
import { carry } from './socket-transport.js'
import { refuseUpgrade, serveWithoutUpgrade } from './upgrade.js'

/** What serves GraphQL over WebSockets. */
export interface Subscriptions {
  readonly connections: Connections
  /** Subscriptions that are running. */
  count(): number
  /** Waits until no query and no mutation runs on any connection, at most `graceMs`. */
  drain(graceMs: number): Promise<void>
  /** Lets the events that are under way arrive, then closes every connection with 1001. */
  close(): Promise<void>
}

/** A key that expires is noticed within this time: half of the second that it may take. */
const RECHECK_EVERY_MS = 500
/** At the end: how long events may take to arrive, and clients to say goodbye. */
const LAST_EVENTS_MS = 1_000
const GOODBYE_MS = 1_000

/** Serves WebSockets at /graphql of an HTTP server. */
export function serveSubscriptions(http: HttpServer, parts: FrontParts): Subscriptions {
  const activity: StreamActivity = { open: 0, delivering: 0 }
  const connections = new Connections()
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: parts.settings.maxBodyBytes,
    perMessageDeflate: false,
    // What a message ends (an operation that its client completes) has ended when the next one is heard.
    allowSynchronousEvents: false,
    // Pongs wait for the client like everything else that it is sent.
    autoPong: false,
    handleProtocols,
  })
  const protocol = createProtocol({ ...parts, activity, connections })
  const accept = (socket: WebSocket, request: IncomingMessage): void => {
    const remoteAddress = clientAddress(request, parts.settings.trustedProxies)
    const caller = callerOf(request, connections, parts)
    const connection: Connection = { socket, request, remoteAddress, caller, operations: new Map(), begun: undefined, leave: undefined }
    if (!caller) makeRoom(connections, remoteAddress, parts.network)
    connections.add(connection)
    carry(connection, protocol, parts)
    socket.once('close', () => connections.delete(connection))
  }
  http.server.on('upgrade', (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') return serveWithoutUpgrade(http, { request, socket, head })
    socket.on('error', () => socket.destroy())
    const fault = upgradeFault(request, parts)
    if (fault) refuseUpgrade(socket, fault)
    else sockets.handleUpgrade(request, socket as Duplex, head, accept)
  })
  const stopRechecks = recheckCallers(connections, parts)
  return {
    connections,
    count: () => activity.open,
    async drain(graceMs) {
      const deadline = AbortSignal.timeout(graceMs)
      while (!deadline.aborted && [...connections].some(isAsking)) await wait(5)
    },
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
function upgradeFault(request: IncomingMessage, { settings, load, isClosing }: FrontParts) {
  if (isClosing()) return { status: 503, message: 'The server is shutting down.' }
  if (load.isLate) return { status: 503, message: 'The server has too much to do. Try again later.' }
  if (request.url?.split('?')[0] !== '/graphql') return { status: 404, message: 'WebSockets are at /graphql.' }
  if (!isOriginWelcome(request, settings.corsOrigins)) return { status: 403, message: 'Pages of this origin may not connect.' }
  return undefined
}

/**
 * Whose key the upgrade's headers bear. One that does not work says nothing, since connection_init may bring another; nor does
 * that of a client with as many connections as it may have, which is told so then.
 */
function callerOf(request: IncomingMessage, connections: Connections, { authenticator, network }: FrontParts): Caller | undefined {
  const credentials = credentialsOf(request)
  if (credentials.authorization === undefined && credentials.apiKey === undefined) return undefined
  try {
    // Without an address: a failure is counted once, when connection_init has been heard.
    const caller = authenticator.authenticate(credentials)
    return connections.countOpen((other) => other.caller?.id === caller.id) < network.socketsPerClient ? caller : undefined
  } catch {
    return undefined
  }
}

/**
 * Lets go of the stranger that has had the most time to say who it is, where there are too many of this address or of all: who
 * comes with a key is never kept out by those who have none.
 */
function makeRoom(connections: Connections, remoteAddress: string, { strangers, strangersPerAddress }: ConnectionLimits): void {
  const subject = subjectOf(remoteAddress)
  const leaving =
    connections.oldestStranger(strangersPerAddress, (stranger) => subjectOf(stranger.remoteAddress) === subject) ??
    connections.oldestStranger(strangers)
  if (!leaving) return
  closeSocket(leaving.socket, CLOSE_CODES.tooMany, 'Too many connections wait to be authenticated')
  // Its goodbye is not waited for: until then it would take up as much as before.
  leaving.socket.terminate()
}

/** All addresses of one subscriber count as one. */
function subjectOf(address: string): string {
  return ipSubject(address) ?? address
}

/** Closes the connections of keys that stop working: at once when a client is changed, within a second when a key expires. */
function recheckCallers(connections: Connections, { ledger, authenticator }: FrontParts): () => void {
  const recheck = (): void => connections.closeUnless((caller) => authenticator.isStillValid(caller))
  const timer = setInterval(recheck, RECHECK_EVERY_MS)
  timer.unref()
  // No changes at all: the state was loaded anew, and anything may have changed.
  const stop = ledger.onCommit((changes) => {
    if (changes.length === 0 || changes.some(({ pack }) => pack === apiClients.id)) recheck()
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
