import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { until } from './until.js'

export const PROTOCOL = 'graphql-transport-ws'

/** How a WebSocket was closed. */
export interface Ending {
  readonly code: number
  readonly reason: string
}

/** A message of graphql-transport-ws. */
export interface SocketMessage {
  readonly id?: string
  readonly type: string
  readonly payload?: unknown
}

/** A WebSocket without a library's habits. */
export interface BareSocket {
  readonly socket: WebSocket
  readonly messages: SocketMessage[]
  readonly closed: Promise<Ending>
  say(message: object): void
  /** Begins an operation. */
  ask(id: string, query: string): void
}

/** Opens a WebSocket to a server at `url`, and says `init` where that is given. */
export async function openSocket(
  url: string,
  init?: object,
  options: { headers?: Record<string, string>; origin?: string } = {},
): Promise<BareSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, PROTOCOL, options)
  const messages: SocketMessage[] = []
  socket.on('message', (data) => messages.push(JSON.parse(String(data))))
  const closed = new Promise<Ending>((resolve) => socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })))
  await once(socket, 'open')
  socket.on('error', () => undefined)
  const say = (message: object): void => socket.send(JSON.stringify(message))
  if (init) say({ type: 'connection_init', payload: init })
  return { socket, messages, closed, say, ask: (id, query) => say({ id, type: 'subscribe', payload: { query } }) }
}

/** The first thing that a subscription says, if it says anything before two later questions are answered; or how it was closed. */
export async function firstWordOf(url: string, query: string, init: object): Promise<SocketMessage | Ending | undefined> {
  const { socket, messages, closed, ask } = await openSocket(url, init)
  const said = (async () => {
    await until(() => messages.length > 0)
    ask('asked', query)
    for (const id of ['next', 'last']) {
      ask(id, '{ __typename }')
      await until(() => messages.some((message) => message.id === id))
    }
    return messages.find(({ id }) => id === 'asked')
  })()
  const word = await Promise.race([said, closed])
  socket.close()
  return word
}

/** The status that an upgrade is refused with; undefined when it is not. */
export async function upgradeStatus(url: string, origin?: string): Promise<number | undefined> {
  const socket = new WebSocket(url.replace('http', 'ws'), PROTOCOL, origin === undefined ? {} : { origin })
  socket.on('error', () => undefined)
  const opened = once(socket, 'open').then(() => undefined)
  opened.catch(() => undefined)
  const refused = once(socket, 'unexpected-response').then(([, response]) => response.statusCode as number)
  refused.catch(() => undefined)
  const status = await Promise.race([opened, refused])
  socket.terminate()
  return status
}

/** The head of a request that asks for a WebSocket. */
export const UPGRADE = [
  'GET /graphql HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  `Sec-WebSocket-Protocol: ${PROTOCOL}`,
  '\r\n',
].join('\r\n')

/** A raw connection that never closes its side by itself, and what it was sent first in answer to `text`. */
export async function rawConnection(port: number, text: string): Promise<{ socket: Socket; answer: string }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  socket.write(text)
  const [data] = await once(socket, 'data')
  return { socket, answer: String(data) }
}
