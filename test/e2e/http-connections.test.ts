import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { getIntrospectionQuery } from 'graphql'
import { describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { rawConnection } from '../testkit/sockets.js'

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

const REFUSED_UPGRADE = 'GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

describe('a connection whose upgrade was refused', () => {
  it('is ended by the server, and does not hold up the end of the server', async () => {
    const server = await startTestServer()
    const { socket, answer } = await rawConnection(portOf(server), REFUSED_UPGRADE)
    expect(answer).toMatch(/^HTTP\/1\.1 404 /)
    // Nobody is at its other end any more: what is sent there comes back.
    const closed = closeOf(socket)
    const writing = setInterval(() => socket.write('x'), 20)
    await Promise.race([closed, wait(3_000)])
    clearInterval(writing)
    expect(socket.destroyed).toBe(true)
    const { socket: other } = await rawConnection(portOf(server), REFUSED_UPGRADE)
    const startedAt = performance.now()
    await server.close()
    expect(performance.now() - startedAt).toBeLessThan(3_000)
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
    const server = await startTestServer({}, { headersMs: 200, requestMs: 600, checkEveryMs: 50 })
    const headers = connect(portOf(server), '127.0.0.1')
    headers.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n')
    const body = connect(portOf(server), '127.0.0.1')
    const startedAt = performance.now()
    body.write(
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    )
    expect(await untilClosed(headers)).toMatch(/^HTTP\/1\.1 408 /)
    await untilClosed(body)
    expect(performance.now() - startedAt).toBeGreaterThan(500)
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    await server.close()
  })

  it('does not keep answers that nobody reads', async () => {
    const server = await startTestServer({}, { idleMs: 400 })
    const socket = connect(portOf(server), '127.0.0.1')
    socket.pause()
    const query = JSON.stringify({ query: getIntrospectionQuery() })
    const request = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: ${query.length}\r\n\r\n${query}`
    const asked = 60
    socket.write(request.repeat(asked))
    await wait(2_000)
    const answers = (await untilClosed(socket)).split('HTTP/1.1 200 OK').length - 1
    expect(answers).toBeGreaterThan(0)
    expect(answers).toBeLessThan(asked)
    // Those that were never sent do not hold up the end of the server.
    const startedAt = performance.now()
    await server.close()
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })
})
