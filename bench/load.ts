import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Measurement, Stopwatch, type Window } from './measurement.js'

/** One POST, and the only answer to it that is right (besides the status 200). */
export interface Call {
  /** Text of the request. */
  readonly body: string
  /**
   * Text of the answer, in which every `"revision":<number>` reads `"revision":0`; left out: what is answered first, which then has to
   * be answered again and again.
   */
  readonly answer?: string
  /** Where it is sent to; left out: where the job says. */
  readonly path?: string
}

/** Stands in a body for nine digits that no other request of the load has. */
export const SERIAL = '#########'

/** What a closed loop sends: every connection sends its next call once the last one is answered. */
export interface LoadJob extends Window {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  /**
   * Calls that one connection sends one after the other, always to the end of a group. Of `n` connections the first sends
   * groups 0, n, 2n... again and again, the second 1, n + 1..., so that no group is under way twice.
   */
  readonly groups: readonly (readonly Call[])[]
  /** How many calls are begun in a second on all connections; left out: as many as are answered. */
  readonly callsPerSecond?: number
  /** Sends a call again a little later when the server has too much to do (503); left out: that is a wrong answer. */
  readonly isPatient?: boolean
}

/** What a closed loop came to. */
export interface LoadResult extends Measurement {
  /** Every call that was answered, outside of the window too. */
  readonly sent: number
  /** How often a call was refused with 503, and sent again. */
  readonly shed: number
}

interface Prepared {
  readonly bytes: Buffer
  /** Where {@link SERIAL} stands; -1 for nowhere. */
  readonly serialAt: number
  readonly call: Call
  /** The last text that was found to be right. */
  rightText: string | undefined
}

/**
 * Runs a closed loop over keep-alive connections (HTTP/1.1 on plain sockets: Node's own client costs as much as the
 * server that is measured).
 *
 * @throws Error at the first answer that is wrong, and when a connection ends early
 */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const { connections, groups } = job
  if (groups.length < connections) throw new RangeError(`${connections} connections need as many groups, have ${groups.length}`)
  const prepared = groups.map((group) => group.map((call) => prepare(job, call)))
  const lines = await Promise.all(Array.from({ length: connections }, () => Line.open(job)))
  const watch = new Stopwatch(job)
  const timing: Timing = { watch, pace: paceOf(job.callsPerSecond), isPatient: job.isPatient === true, shed: 0 }
  const mine = (index: number): Prepared[][] => prepared.filter((_, group) => group % connections === index)
  try {
    const sent = await Promise.all(lines.map((line, index) => repeat(line, mine(index), timing)))
    return { ...watch.result(), sent: sent.reduce((sum, count) => sum + count, 0), shed: timing.shed }
  } finally {
    for (const line of lines) line.close()
  }
}

interface Timing {
  readonly watch: Stopwatch
  /** Waits until the next call may begin. */
  readonly pace: (() => Promise<void>) | undefined
  readonly isPatient: boolean
  shed: number
}

const PATIENCE_MS = 20

function paceOf(callsPerSecond: number | undefined): Timing['pace'] {
  if (callsPerSecond === undefined) return undefined
  let nextMs = performance.now()
  return async () => {
    const waitMs = nextMs - performance.now()
    nextMs += 1_000 / callsPerSecond
    if (waitMs > 0) await sleep(waitMs)
  }
}

async function repeat(line: Line, groups: readonly (readonly Prepared[])[], timing: Timing): Promise<number> {
  const { watch, pace, isPatient } = timing
  let sent = 0
  for (let index = 0; !watch.isOver; index += 1) {
    for (const prepared of groups[index % groups.length] ?? []) {
      if (pace) await pace()
      if (prepared.serialAt >= 0) prepared.bytes.write(nextSerial(), prepared.serialAt, 'latin1')
      const startedAtMs = performance.now()
      let answer = await line.ask(prepared.bytes)
      for (; isPatient && answer.status === 503; answer = await line.ask(prepared.bytes)) {
        timing.shed += 1
        await sleep(PATIENCE_MS)
      }
      watch.note(startedAtMs)
      sent += 1
      check(prepared, answer)
    }
  }
  return sent
}

function prepare(job: LoadJob, call: Call): Prepared {
  const bytes = requestOf(job, call)
  return { bytes, call, serialAt: bytes.indexOf(SERIAL), rightText: undefined }
}

let lastSerial = 0

function nextSerial(): string {
  lastSerial += 1
  return String(lastSerial).padStart(SERIAL.length, '0')
}

function requestOf({ host, port, path: usual, headers }: LoadJob, { body, path = usual }: Call): Buffer {
  const all = { host: `${host}:${port}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

function check(prepared: Prepared, { status, text }: Answer): void {
  if (status === 200 && text === prepared.rightText) return
  const { body, answer = prepared.rightText ?? text } = prepared.call
  if (status === 200 && text === answer && !text.includes('"errors"')) {
    prepared.rightText = text
    return
  }
  const actual = text.trimEnd().replace(/"revision":\d+/g, '"revision":0')
  // Members of objects may come in another order.
  if (status === 200 && isDeepStrictEqual(parse(actual), parse(answer))) {
    prepared.rightText = text
    return
  }
  throw new Error(`wrong answer to ${body}: ${status} ${text.trimEnd().slice(0, 2_000)}, expected 200 ${answer}`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Answer {
  readonly status: number
  readonly text: string
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

interface Body {
  readonly text: string
  /** Where the next answer begins. */
  readonly end: number
}

/** The body that begins at `start`; undefined when it is not all there. Throws Error when its length is not said. */
function bodyOf(buffer: Buffer, start: number, head: string): Body | undefined {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = start + Number(length)
    return buffer.length < end ? undefined : { text: buffer.toString('utf8', start, end), end }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error(`an answer of unknown length: ${head}`)
  const parts: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = buffer.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(buffer.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size
    if (buffer.length < end + 2) return undefined
    if (size === 0) return { text: Buffer.concat(parts).toString('utf8'), end: end + 2 }
    parts.push(buffer.subarray(lineEnd + 2, end))
    at = end + 2
  }
}

/** One connection, with at most one request on it. */
class Line {
  readonly #socket: Socket
  #buffer: Buffer = Buffer.alloc(0)
  #waiting: Waiting | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      try {
        this.#take(chunk)
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)))
      }
    })
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static open({ host, port }: Pick<LoadJob, 'host' | 'port'>): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Line(socket))
      })
    })
  }

  ask(bytes: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      if (this.#socket.destroyed) this.#fail(new Error('the connection is closed'))
      else this.#socket.write(bytes)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    const headEnd = this.#buffer.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#buffer.toString('latin1', 0, headEnd)
    const found = bodyOf(this.#buffer, headEnd + 4, head)
    if (!found) return
    const answer = { status: Number(head.slice(9, 12)), text: found.text }
    this.#buffer = this.#buffer.subarray(found.end)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }
}
