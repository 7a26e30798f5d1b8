import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { getIntrospectionQuery } from 'graphql'
import { describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket, rawConnection } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

const portOf = ({ url }: TestServer): number => Number(new URL(url).port)

/** Waits until a connection is closed, in order or not. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Everything that a connection is sent until it is closed. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (data) => {
    text += String(data)
  })
  socket.on('error', () => undefined)
  socket.resume()
  await closeOf(socket)
  return text
}

/** The server's side of the next connection. */
function acceptedSocket(): Promise<Socket> {
  return new Promise((resolve) => {
    const accept = (message: unknown): void => {
      unsubscribe('net.server.socket', accept)
      resolve((message as { socket: Socket }).socket)
    }
    subscribe('net.server.socket', accept)
  })
}

/** What holds up the end of a server holds it up for longer than a test may take. */
const ENDLESS_GRACE = { VALHALLA_SHUTDOWN_GRACE_MS: '600000' }
const REFUSED_UPGRADE = 'GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

describe('a connection whose upgrade was refused', () => {
  it('is ended by the server, and does not hold up the end of the server', async () => {
    const server = await startTestServer(ENDLESS_GRACE)
    const { socket, answer } = await rawConnection(portOf(server), REFUSED_UPGRADE)
    expect(answer).toMatch(/^HTTP\/1\.1 404 /)
    // Nobody is at its other end any more: what is sent there comes back.
    const closed = closeOf(socket)
    const writing = setInterval(() => socket.write('x'), 20)
    await closed
    clearInterval(writing)
    const { socket: other } = await rawConnection(portOf(server), REFUSED_UPGRADE)
    await server.close()
    other.destroy()
  })
})

describe('a connection that asks for h2c', () => {
  const H2C = 'Host: localhost\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n'

  it('is served one request after the other, without leaving anything behind', async () => {
    const server = await startTestServer()
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    const socket = connect(portOf(server), '127.0.0.1')
    for (let index = 0; index < 40; index += 1) {
      socket.write(`GET /livez HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\n${H2C}\r\n`)
      const [data] = await once(socket, 'data')
      expect(String(data)).toMatch(/^HTTP\/1\.1 200 /)
    }
    await wait(10)
    process.off('warning', note)
    expect(warnings.map(({ name }) => name)).toEqual([])
    socket.destroy()
    await server.close()
  })

  it('is answered every one of its requests, in order, also those that it sends without waiting', async () => {
    const server = await startTestServer()
    const socket = connect(portOf(server), '127.0.0.1')
    const asked = ['a1', 'b2', 'c3', 'd4', 'e5', 'f6']
    const body = JSON.stringify({ query: '{ changes(first: 5) { nodes { id } } }' })
    const post = `X-API-Key: ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`
    const upgrade = `Connection: Upgrade, HTTP2-Settings\r\n${H2C}`
    const requestOf = (id: string, index: number): string => {
      const isAsking = index % 3 !== 2
      // Each fourth one asks for nothing but its answer.
      const head = `X-Request-Id: ${id}\r\n${index % 4 === 3 ? 'Host: localhost\r\n' : upgrade}`
      return isAsking ? `POST /graphql HTTP/1.1\r\n${head}${post}\r\n${body}` : `GET /livez HTTP/1.1\r\n${head}\r\n`
    }
    const last = 'GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: last\r\nConnection: close\r\n\r\n'
    socket.write(asked.map(requestOf).join('') + last)
    const answers = await untilClosed(socket)
    expect([...answers.matchAll(/x-request-id: (\w+)/gi)].map(([, id]) => id)).toEqual([...asked, 'last'])
    expect(answers.match(/^HTTP\/1\.1 200 /gm)).toHaveLength(asked.length + 1)
    await server.close()
  })

  it('is closed where it asks for that, too', async () => {
    const server = await startTestServer()
    const socket = connect(portOf(server), '127.0.0.1')
    socket.write(`GET /livez HTTP/1.1\r\nConnection: close, Upgrade, HTTP2-Settings\r\n${H2C}\r\n`)
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n/i)
    await server.close()
  })
})

describe('a connection that is slow', () => {
  it('has a limited time for its headers and for its body', async () => {
    const server = await startTestServer({}, { headersMs: 200, requestMs: 1_000, checkEveryMs: 50 })
    const headers = connect(portOf(server), '127.0.0.1')
    headers.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n')
    const body = connect(portOf(server), '127.0.0.1')
    body.write(
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    )
    const closed: string[] = []
    const isOver = (name: string, socket: Socket) => untilClosed(socket).then((text) => closed.push(`${name} ${text.slice(0, 12)}`))
    await Promise.all([isOver('body', body), isOver('headers', headers)])
    expect(closed).toEqual(['headers HTTP/1.1 408', expect.stringMatching(/^body/)])
    await server.close()
  })

  it('does not keep answers that nobody reads', async () => {
    const server = await startTestServer(ENDLESS_GRACE, { idleMs: 400 })
    const other = acceptedSocket()
    const socket = connect(portOf(server), '127.0.0.1')
    socket.pause()
    const query = JSON.stringify({ query: getIntrospectionQuery() })
    const request = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: ${query.length}\r\n\r\n${query}`
    const asked = 60
    socket.write(request.repeat(asked))
    await closeOf(await other)
    const answers = (await untilClosed(socket)).split('HTTP/1.1 200 OK').length - 1
    expect(answers).toBeGreaterThan(0)
    expect(answers).toBeLessThan(asked)
    // Those that were never sent do not hold up the end of the server.
    await server.close()
  })
})

describe('a server that is told to stop', () => {
  const QUESTION = '{"query":"{ viewer { role } }"}'
  const post = ({ adminKey }: TestServer): string =>
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${adminKey}\r\nContent-Type: application/json\r\nContent-Length: ${QUESTION.length}\r\n\r\n${QUESTION}`

  it('is not ready, and answers everything until the time for that is over', async () => {
    const server = await startTestServer({ VALHALLA_SHUTDOWN_DELAY_MS: '600000' })
    const kept = connect(portOf(server), '127.0.0.1')
    kept.write(post(server))
    const [before] = await once(kept, 'data')
    expect(String(before)).toMatch(/\r\nconnection: keep-alive\r\n/i)
    void server.close()
    const probe = await fetch(`${server.url}/readyz`)
    expect([probe.status, await probe.json()]).toEqual([503, expect.objectContaining({ status: 'closing' })])
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    // Answers end their connections, so that their clients come back over others: to another server, once they have noticed.
    kept.write(post(server))
    expect(await untilClosed(kept)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n/i)
    const { status, headers } = await server.gql('mutation { setFeatureFlag(input: { key: "late" }) { revision } }')
    expect([status, headers.get('connection')]).toEqual([200, 'close'])
    const { messages, ask } = await openSocket(server.url, { apiKey: server.adminKey })
    await until(() => messages.length === 1)
    ask('a', '{ featureFlag(key: "late") { key } }')
    await until(() => messages.length === 3)
    expect(messages[1]).toMatchObject({ payload: { data: { featureFlag: { key: 'late' } } } })
    // A time that is over at once, for this test.
    await server.close({ isAtOnce: true })
  })

  it('answers a request that was on its way over a kept connection, and ends the others', async () => {
    const server = await startTestServer(ENDLESS_GRACE)
    const [idle, kept] = [connect(portOf(server), '127.0.0.1'), connect(portOf(server), '127.0.0.1')]
    for (const socket of [idle, kept]) {
      socket.write(post(server))
      await once(socket, 'data')
    }
    const [rest, answer] = [untilClosed(idle), untilClosed(kept)]
    kept.write(post(server))
    await server.close()
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n/i)
    expect(await rest).toBe('')
  })
})
