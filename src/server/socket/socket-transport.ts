import type { Server } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { ConnectionLimits } from '../connection-limits.js'
import type { FrontParts } from '../front-parts.js'
import { CLOSE_CODES, type Connection, closeSocket } from './connections.js'

/** How long a stranger who was told to go may take to say goodbye, in milliseconds. */
const STRANGER_GOODBYE_MS = 1_000

/** Ties a connection to the protocol, until it is closed. */
export function carry(connection: Connection, protocol: Server<Connection>, { network, log }: FrontParts): void {
  const { socket, remoteAddress } = connection
  const { hold, relieve } = backpressure(connection, network)
  const onClosed = protocol.opened(
    {
      protocol: socket.protocol,
      // Waits until the data has left this process, so that a slow client slows its own operations only.
      send: (data) =>
        new Promise((resolve) => {
          if (socket.readyState !== WebSocket.OPEN) return resolve()
          socket.send(data, () => {
            relieve()
            resolve()
          })
        }),
      close: (code = CLOSE_CODES.internal, reason = '') => closeSocket(socket, code, reason),
      onMessage: (handle) =>
        socket.on('message', (data) => {
          // Until the client has said goodbye too, its messages still arrive: nobody is heard who was told to go.
          if (socket.readyState !== WebSocket.OPEN) return
          hold()
          hear(connection, () => handle(String(data))).catch((error: unknown) => {
            log.error({ err: error, peer: remoteAddress }, 'a WebSocket message failed')
            closeSocket(socket, CLOSE_CODES.internal, 'Internal error')
          })
        }),
    },
    connection,
  )
  // What is sent back here has to be waited for as well: a client can ask for it without end.
  socket.on('ping', (data) => {
    if (socket.readyState !== WebSocket.OPEN) return
    hold()
    socket.pong(data, false, relieve)
  })
  // Broken frames and messages that are too large: ws closes the connection itself, with the code that says why.
  socket.on('error', (error) => log.debug({ err: error, peer: remoteAddress }, 'WebSocket broken by its client'))
  const stopPings = keepAlive(socket, network.pingEveryMs)
  const stopWaiting = awaitCaller(connection, network.initMs + STRANGER_GOODBYE_MS)
  socket.once('close', (code, reason) => {
    stopPings()
    stopWaiting()
    for (const { stream } of connection.operations.values()) void stream?.return()
    onClosed(code, String(reason)).catch((error: unknown) => log.error({ err: error }, 'a WebSocket was not closed cleanly'))
  })
}

/**
 * Has a message handled. An operation that it begins counts until this is done, which is later than its client may think: one
 * that was completed by its client still runs to its end.
 */
async function hear(connection: Connection, handle: () => Promise<void>): Promise<void> {
  connection.begun = undefined
  const handled = handle()
  // The protocol asks whether an operation may begin before it waits for anything.
  const { begun } = connection
  try {
    await handled
  } finally {
    if (begun !== undefined) {
      connection.operations.get(begun)?.end()
      connection.operations.delete(begun)
      connection.leave?.()
    }
  }
}

/** Stops listening to a client that does not take what it is sent, until it does: its messages would only add to that. */
function backpressure(connection: Connection, { backlogBytes, strangerBacklogBytes }: ConnectionLimits) {
  const { socket } = connection
  const isTooMuch = (): boolean => socket.bufferedAmount > (connection.caller ? backlogBytes : strangerBacklogBytes)
  return {
    hold(): void {
      if (isTooMuch()) socket.pause()
    },
    relieve(): void {
      if (socket.isPaused && !isTooMuch()) socket.resume()
    },
  }
}

/** Pings, and lets go of who neither answers until the next ping nor takes what waits for it. */
function keepAlive(socket: WebSocket, everyMs: number): () => void {
  let isAlive = true
  let backlog = 0
  socket.on('pong', () => {
    isAlive = true
  })
  const timer = setInterval(() => {
    if (!isAlive && socket.bufferedAmount >= backlog) return socket.terminate()
    backlog = socket.bufferedAmount
    isAlive = false
    socket.ping()
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Lets go of a stranger in time, whatever it does or leaves out. */
function awaitCaller(connection: Connection, limitMs: number): () => void {
  const timer = setTimeout(() => {
    if (!connection.caller) connection.socket.terminate()
  }, limitMs)
  timer.unref()
  return () => clearTimeout(timer)
}
