import { Agent, request } from 'undici'
import { WebSocket } from 'ws'
import { PROTOCOL } from '../testkit/sockets.js'
import type { Servers } from './servers.js'
import { Seen, TokenMap } from './tokens.js'

/** What is sent to each server, in the tokens of the reference. */
export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Null sends none. */
  readonly key: string | null
  readonly body?: string
  /** Whether a WebSocket can ask for the same; else that server is asked over HTTP, so that it stays in step. */
  readonly isForSockets: boolean
}

/** An answer over HTTP; `headers` as they came, but the date. */
export interface Answer {
  readonly status: number
  readonly headers: string
  readonly body: string
}

/** What came over a WebSocket: a message, or how it was closed. */
interface SocketAnswer {
  readonly type: string
  readonly payload?: unknown
}

export type ComparedWay = 'short' | 'socket'

export interface Round {
  /** The reference's. */
  readonly answer: Answer
  /** By their ways. */
  readonly differences: readonly string[]
}

const CLOSED_BY_KEY = 'closed 4401'

/** Sends the same to servers that do everything in the same order, and compares what comes back. */
export class Lockstep {
  readonly seen = new Seen()
  readonly #servers: Servers
  readonly #maps: Readonly<Record<ComparedWay, TokenMap>> = { short: new TokenMap(), socket: new TokenMap() }
  readonly #agent = new Agent({ pipelining: 1, connections: 4 })
  #count = 0

  constructor(servers: Servers) {
    this.#servers = servers
  }

  close(): Promise<void> {
    return this.#agent.close()
  }

  /** Asks all of them, and notes what the reference has shown. */
  async send(asked: Request): Promise<Round> {
    this.#count += 1
    // In the shape of those that sockets make for themselves.
    const requestId = `00000000-0000-7000-8000-${String(this.#count).padStart(12, '0')}`
    const filled = JSON.parse(
      this.seen.fill(JSON.stringify({ ...asked, headers: { ...asked.headers, 'x-request-id': requestId } })),
    ) as Request
    const [answer, short, socket] = await Promise.all([
      this.#overHttp('reference', filled),
      this.#overHttp('short', filled),
      asked.isForSockets ? this.#overSocket(filled) : this.#overHttp('socket', filled),
    ])
    await this.#settle()
    const differences = [
      ...this.#compare('short', describe(answer), describe(short)),
      ...('status' in socket ? this.#compare('socket', describe(answer), describe(socket)) : this.#compareSocket(answer, socket)),
    ]
    this.seen.note(answer.body)
    return { answer, differences }
  }

  /** What is gathered in memory is written by timers of the machine, in batches of what was there: here after each answer. */
  async #settle(): Promise<void> {
    await Promise.all(Object.values(this.#servers).map(({ services }) => services.audit.flush()))
  }

  #compare(way: ComparedWay, wanted: readonly string[], found: readonly string[]): string[] {
    return ['status', 'headers', 'body'].flatMap((part, index) => {
      const why = this.#maps[way].differ(wanted[index] ?? '', found[index] ?? '')
      return why === undefined ? [] : [`${way}, ${part}:\n      ${why}`]
    })
  }

  #compareSocket({ status, body }: Answer, { type, payload }: SocketAnswer): string[] {
    const wanted = status === 401 ? CLOSED_BY_KEY : body.trimEnd()
    const { errors, data } = (payload ?? {}) as { errors?: unknown; data?: unknown }
    // HTTP names the errors first; a socket has errors alone as a list.
    const found = type === 'next' ? JSON.stringify({ errors, data }) : type === 'error' ? JSON.stringify({ errors: payload }) : type
    const why = this.#maps.socket.differ(wanted, found)
    return why === undefined ? [] : [`socket, ${type}:\n      ${why}`]
  }

  #own(way: ComparedWay | 'reference', text: string): string {
    return way === 'reference' ? text : this.#maps[way].translate(text)
  }

  async #overHttp(way: ComparedWay | 'reference', { method, path, headers, key, body }: Request): Promise<Answer> {
    const { url } = this.#servers[way]
    const answer = await request(`${url}${this.#own(way, path)}`, {
      method,
      dispatcher: this.#agent,
      headers: { ...headers, ...(key === null ? {} : { authorization: `Bearer ${this.#own(way, key)}` }) },
      responseHeaders: 'raw',
      ...(body === undefined ? {} : { body: this.#own(way, body) }),
    })
    const raw = (answer.headers as unknown as readonly Buffer[]).map(String)
    const named = raw.flatMap((name, index) => (index % 2 === 0 && name.toLowerCase() !== 'date' ? [`${name}: ${raw[index + 1]}`] : []))
    // The order of fields of different names says nothing (RFC 9110, 5.3).
    return { status: answer.statusCode, headers: named.sort().join('\n'), body: this.#ownless(way, await answer.body.text()) }
  }

  async #overSocket({ headers, key, body = '{}' }: Request): Promise<SocketAnswer> {
    const { 'x-valhalla-user': user } = headers
    const { url } = this.#servers.socket
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, PROTOCOL, {
      headers: user === undefined ? {} : { 'x-valhalla-user': user },
    })
    const say = (message: object): void => socket.send(JSON.stringify(message))
    try {
      const said = await new Promise<SocketAnswer>((resolve, reject) => {
        socket.on('error', reject)
        socket.on('close', (code) => resolve({ type: `closed ${code}` }))
        socket.on('open', () => say({ type: 'connection_init', payload: key === null ? {} : { apiKey: this.#own('socket', key) } }))
        socket.on('message', (data) => {
          const message = JSON.parse(String(data)) as SocketAnswer
          if (message.type === 'connection_ack') say({ id: 'asked', type: 'subscribe', payload: JSON.parse(this.#own('socket', body)) })
          else if (message.type !== 'ping') resolve(message)
        })
      })
      return JSON.parse(this.#ownless('socket', JSON.stringify(said))) as SocketAnswer
    } finally {
      socket.close()
    }
  }

  /** Each server has a port of its own, and says so in its deployment profile. */
  #ownless(way: ComparedWay | 'reference', text: string): string {
    return text.replaceAll(this.#servers[way].url, 'http://127.0.0.1:00000')
  }
}

function describe({ status, headers, body }: Answer): readonly string[] {
  return [String(status), headers, body]
}
