import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PGlite } from '@electric-sql/pglite'

/** Types of the protocol's messages that matter here (PostgreSQL documentation, "Message Formats"). */
const TERMINATE = 0x58
const READY_FOR_QUERY = 0x5a
/** The transaction status in ReadyForQuery of a session without an open transaction. */
const IDLE = 0x49

/** Those who left a session whose clean-up is still under way: the next one waits for it. */
const leavers = new WeakMap<PGlite, Promise<void>>()

/**
 * A "socket" inside the process that speaks PostgreSQL's wire protocol (version 3) to a PGlite, so that `pg`, and with it
 * Prisma's adapter, work on it unchanged. PGlite has one session: use it in a pool of one connection. Like a server, it
 * rolls back and forgets the session's state when a connection goes away.
 */
export class PGliteStream extends Duplex {
  readonly #db: PGlite
  #isStarted = false
  #hasLeft = false
  #status = IDLE

  constructor(db: PGlite) {
    super({ allowHalfOpen: false })
    this.#db = db
  }

  /** What `pg` calls on a socket. */
  connect(): this {
    queueMicrotask(() => this.emit('connect'))
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk).then(() => done(), done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#leave().then(
      () => done(error),
      () => done(error),
    )
  }

  async #send(bytes: Buffer): Promise<void> {
    if (!this.#isStarted) {
      this.#isStarted = true
      await leavers.get(this.#db)
      this.push(GREETING)
      return
    }
    if (bytes[0] === TERMINATE) {
      await this.#leave()
      this.push(null)
      return
    }
    // PGlite answers in microtasks: without this turn of the event loop a busy queue starves timers and sockets.
    await nextTurn()
    const answer = await execute(this.#db, bytes)
    if (answer.length >= 6 && answer[answer.length - 6] === READY_FOR_QUERY) this.#status = answer[answer.length - 1] ?? IDLE
    if (answer.length > 0 && !this.destroyed) this.push(answer)
  }

  /** Does what a server does when a connection goes away. */
  #leave(): Promise<void> {
    if (!this.#isStarted || this.#hasLeft) return Promise.resolve()
    this.#hasLeft = true
    const statements = this.#status === IDLE ? ['DISCARD ALL'] : ['ROLLBACK', 'DISCARD ALL']
    const leaving = (async () => {
      for (const sql of statements) await execute(this.#db, message('Q', text(sql)))
    })().catch(() => undefined)
    leavers.set(this.#db, leaving)
    return leaving
  }
}

/** Runs protocol messages. The streaming call is the one that keeps no copy of past answers in the PGlite object. */
async function execute(db: PGlite, bytes: Uint8Array): Promise<Buffer> {
  if (db.closed) throw new Error('the embedded database is closed')
  const parts: Uint8Array[] = []
  await db.execProtocolRawStream(bytes, { onRawData: (part) => parts.push(part.slice()) })
  return Buffer.concat(parts)
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`)
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

function parameter(name: string, value: string): Buffer {
  return message('S', Buffer.concat([text(name), text(value)]))
}

/** What a server says to a new connection that it lets in. */
const GREETING = Buffer.concat([
  message('R', int32(0)),
  parameter('server_version', '18.0'),
  parameter('client_encoding', 'UTF8'),
  parameter('DateStyle', 'ISO, MDY'),
  parameter('TimeZone', 'UTC'),
  parameter('integer_datetimes', 'on'),
  parameter('standard_conforming_strings', 'on'),
  message('K', Buffer.concat([int32(1), int32(1)])),
  message('Z', Buffer.from('I')),
])
