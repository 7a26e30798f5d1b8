import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket, rawConnection, UPGRADE } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

const PING = JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(200_000) } })
/** A masked ping frame with 125 bytes, whose mask is zero. */
const PING_FRAME = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125, 'x')])

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

/** The most bytes that ever waited for any client, looked at for a while. */
async function largestBacklog(duringMs: number): Promise<number> {
  let largest = 0
  const endsAt = performance.now() + duringMs
  while (performance.now() < endsAt) {
    for (const { socket } of server.connections) largest = Math.max(largest, socket.bufferedAmount)
    await wait(5)
  }
  return largest
}

describe('what waits for a client that does not read', () => {
  it('stays small while a stranger sends one ping of the protocol after the other', async () => {
    const { socket } = await openSocket(server.url)
    socket.pause()
    for (let index = 0; index < 250; index += 1) socket.send(PING)
    expect(await largestBacklog(500)).toBeLessThan(1_000_000)
    socket.terminate()
    await until(() => server.connections.size === 0)
  })

  it('stays small while a stranger sends one ping frame after the other', async () => {
    const { socket } = await rawConnection(Number(new URL(server.url).port), UPGRADE)
    socket.pause()
    const frames = Buffer.concat(Array.from({ length: 2_000 }, () => PING_FRAME))
    for (let index = 0; index < 150; index += 1) socket.write(frames)
    expect(await largestBacklog(500)).toBeLessThan(1_000_000)
    socket.destroy()
    await until(() => server.connections.size === 0)
  })

  it('is all there once the client reads on, and the client is heard again', async () => {
    const { socket, messages, ask } = await openSocket(server.url, { apiKey: server.adminKey })
    await until(() => messages.length > 0)
    socket.pause()
    const pings = 150
    for (let index = 0; index < pings; index += 1) socket.send(PING)
    expect(await largestBacklog(500)).toBeLessThan(4_000_000)
    socket.resume()
    await until(() => messages.filter(({ type }) => type === 'pong').length === pings)
    ask('1', '{ viewer { role } }')
    await until(() => messages.some(({ id, type }) => id === '1' && type === 'next'))
    socket.close()
  })
})

describe('a client that is gone without a word', () => {
  it('is let go of, also one that was not listened to any more', async () => {
    const watched = await startTestServer({}, { pingEveryMs: 500 })
    const silent = await openSocket(watched.url, { apiKey: watched.adminKey })
    const flooding = await openSocket(watched.url, { apiKey: watched.adminKey })
    const living = await openSocket(watched.url, { apiKey: watched.adminKey })
    await until(() => [silent, flooding, living].every(({ messages }) => messages.length > 0))
    silent.socket.pause()
    flooding.socket.pause()
    for (let index = 0; index < 100; index += 1) flooding.socket.send(PING)
    await until(() => watched.connections.size === 1)
    // The living one stays.
    for (let pings = 0; pings < 2; pings += 1) await once(living.socket, 'ping')
    expect(watched.connections.size).toBe(1)
    for (const { socket } of [silent, flooding]) socket.terminate()
    living.socket.close()
    await watched.close()
  })
})
