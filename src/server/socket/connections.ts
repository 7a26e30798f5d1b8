import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { Caller } from '../../core/contract/caller.js'
import type { PreparedOperation } from '../operation/prepared-operation.js'
import type { EventStream } from './event-stream.js'

/**
 * Codes that a WebSocket is closed with (4400-4499 are graphql-transport-ws's). Clients of that protocol come back by
 * themselves after all but `unauthenticated`, `sameId` and `internal`.
 */
export const CLOSE_CODES = {
  /** The server stops; come back. */
  goingAway: 1001,
  /** The API client has as many connections as it may have, or there are too many that do not say who they are; come back later. */
  tooMany: 1013,
  /** No key, or none that works. */
  unauthenticated: 4401,
  /** The key stopped working, or may do something else now; come back with another. */
  forbidden: 4403,
  /** An operation was begun under the id of one that still runs. */
  sameId: 4409,
  /** Events came faster than they were taken. Nothing is lost: come back with `sinceRevision`. */
  tooSlow: 4413,
  internal: 4500,
} as const

/** Why a connection is closed whose key was revoked, replaced or has expired. */
const NO_LONGER_VALID = 'key no longer valid'

/** An operation that runs on a connection. */
export interface RunningOperation {
  readonly requestId: string
  readonly startedAtMs: number
  /** Once it has been validated; before that it is any text. */
  prepared: PreparedOperation | undefined
  /** Tells the load gate that it waits for nothing any more; may be called again. */
  end: () => void
  /** Of a subscription, once it has begun. */
  stream: EventStream | undefined
}

/** One WebSocket, from its upgrade on. */
export interface Connection {
  readonly socket: WebSocket
  readonly request: IncomingMessage
  readonly remoteAddress: string
  /** Known from connection_init on, or from the beginning where the upgrade's headers bear a key that works. */
  caller: Caller | undefined
  /** By the id that the client gave them; each until it has really ended, also when its client has lost interest. */
  readonly operations: Map<string, RunningOperation>
  /** Id of the operation that the message began which is being heard. */
  begun: string | undefined
  /** Of one that is to be closed as soon as it is answered: closes it where it is. */
  leave: (() => void) | undefined
}

/** How long a connection whose key has stopped working waits for the answers that are under way; milliseconds, half of the second that it may take. */
const LAST_ANSWERS_MS = 500

/** Whether a query or a mutation runs on a connection. */
export function isAsking({ operations }: Connection): boolean {
  for (const { stream } of operations.values()) if (!stream) return true
  return false
}

/** A close frame holds at most 125 bytes, two of which are the code (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123

/** Closes a WebSocket that is open, once. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState !== WebSocket.OPEN) return
  socket.close(code, Buffer.byteLength(reason) <= MAX_REASON_BYTES ? reason : '')
}

/**
 * Closes a connection whose key has stopped working: at once, or when what it has asked before is answered. The key may have been
 * ended by just that, as by a rotation, whose answer has the next one.
 */
export function closeAnswered(connection: Connection): void {
  if (connection.leave) return
  const { socket } = connection
  const close = (): void => closeSocket(socket, CLOSE_CODES.forbidden, NO_LONGER_VALID)
  const timer = setTimeout(close, LAST_ANSWERS_MS)
  socket.once('close', () => clearTimeout(timer))
  connection.leave = () => {
    if (!isAsking(connection)) close()
  }
  connection.leave()
}

/** Every connection that is not closed yet. */
export class Connections implements Iterable<Connection> {
  readonly #all = new Set<Connection>()

  get size(): number {
    return this.#all.size
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#all.values()
  }

  add(connection: Connection): void {
    this.#all.add(connection)
  }

  delete(connection: Connection): void {
    this.#all.delete(connection)
  }

  /** How many connections are open of those that are meant. */
  countOpen(isMeant: (connection: Connection) => boolean): number {
    let count = 0
    for (const connection of this.#all) if (connection.socket.readyState === WebSocket.OPEN && isMeant(connection)) count += 1
    return count
  }

  /** The stranger that has been here longest of those that are meant, once there are `max` of them or more. */
  oldestStranger(max: number, isMeant: (connection: Connection) => boolean = () => true): Connection | undefined {
    const strangers = [...this.#all].filter(
      (connection) => !connection.caller && connection.socket.readyState === WebSocket.OPEN && isMeant(connection),
    )
    return strangers.length >= max ? strangers[0] : undefined
  }

  /** Closes every connection whose caller does not pass. */
  closeUnless(isWelcome: (caller: Caller) => boolean): void {
    for (const connection of this.#all) if (connection.caller && !isWelcome(connection.caller)) closeAnswered(connection)
  }
}
