import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { ConnectionLimits } from '../../src/server/connection-limits.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket, rawConnection, UPGRADE, upgradeStatus } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

let server: TestServer

afterEach(() => server.close())

/** A stranger has all the time that a busy machine needs, if not told otherwise. */
async function begin(network: Partial<ConnectionLimits>): Promise<void> {
  server = await startTestServer({ VALHALLA_TRUSTED_PROXIES: '1' }, { initMs: 60_000, ...network })
}

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
const portOf = (): number => Number(new URL(server.url).port)

describe('a connection that does not say who it is', () => {
  it('is closed with 4408 in time', async () => {
    await begin({ initMs: 200 })
    const { closed } = await openSocket(server.url)
    expect(await closed).toEqual({ code: 4408, reason: 'Connection initialisation timeout' })
  })

  it('does not hold a place for longer than that, even if it never says goodbye', async () => {
    await begin({ initMs: 200, strangers: 3 })
    const held = await Promise.all([1, 2, 3].map(() => rawConnection(portOf(), UPGRADE)))
    await until(async () => (await upgradeStatus(`${server.url}/graphql`)) === undefined)
    // Before long nothing is left of them.
    await until(() => server.connections.size === 0)
    for (const { socket } of held) socket.destroy()
  })

  it('gives its place to the next one where there are too many, the one that has been here longest first', async () => {
    await begin({ strangers: 3 })
    const open = () => openSocket(server.url)
    const [first, second] = [await open(), await open(), await open()]
    const newcomer = await openSocket(server.url, { apiKey: server.adminKey })
    await until(() => newcomer.messages.length > 0)
    expect(await first?.closed).toEqual({ code: 1013, reason: 'Too many connections wait to be authenticated' })
    // The newcomer has said who it is: there is room for one, and then the next has to go.
    await open()
    expect(second?.socket.readyState).toBe(WebSocket.OPEN)
    await open()
    expect(await second?.closed).toMatchObject({ code: 1013 })
  })

  it('leaves those of other addresses alone', async () => {
    await begin({ strangers: 4, strangersPerAddress: 2 })
    const network = '2001:db8:0:1:'
    const elsewhere = await openSocket(server.url, undefined, from('192.0.2.1'))
    const first = await openSocket(server.url, undefined, from(`${network}:1`))
    const second = await openSocket(server.url, undefined, from(`${network}:2`))
    await openSocket(server.url, undefined, from(`${network}:3`))
    expect(await first.closed).toMatchObject({ code: 1013 })
    // Whoever has said who it is counts no more.
    second.say({ type: 'connection_init', payload: { apiKey: server.adminKey } })
    await until(() => second.messages.length === 1)
    await openSocket(server.url, undefined, from(`${network}:4`))
    elsewhere.say({ type: 'connection_init', payload: { apiKey: server.adminKey } })
    await until(() => elsewhere.messages.length === 1)
    expect(server.connections.size).toBe(4)
  })

  it('does not keep out a client whose upgrade bears its key, nor take its place', async () => {
    await begin({ strangers: 2, strangersPerAddress: 2 })
    const holders = [await openSocket(server.url), await openSocket(server.url)]
    const { key } = await server.addClient({ name: 'keyed' })
    const keyed = await openSocket(server.url, undefined, { headers: { authorization: `Bearer ${key}` } })
    // One whose key does not work is a stranger like any other.
    const mistaken = await openSocket(server.url, undefined, { headers: { authorization: 'Bearer vk_test_nope' } })
    expect(await holders[0]?.closed).toMatchObject({ code: 1013 })
    for (let more = 0; more < 4; more += 1) await openSocket(server.url)
    expect(await mistaken.closed).toMatchObject({ code: 1013 })
    keyed.say({ type: 'connection_init' })
    await until(() => keyed.messages.length === 1)
    expect(keyed.messages).toEqual([{ type: 'connection_ack' }])
  })

  it('is a stranger all the same where its client has as many connections as it may have', async () => {
    await begin({ strangers: 1, socketsPerClient: 1 })
    const { key } = await server.addClient({ name: 'greedy' })
    const bearing = { headers: { 'x-api-key': key } }
    const first = await openSocket(server.url, undefined, bearing)
    const second = await openSocket(server.url, undefined, bearing)
    await openSocket(server.url, undefined, bearing)
    expect(await second.closed).toMatchObject({ code: 1013 })
    first.say({ type: 'connection_init' })
    await until(() => first.messages.length === 1)
  })
})

describe('an API client', () => {
  it('has a limited number of connections, and comes back once it has closed others', async () => {
    await begin({ socketsPerClient: 2 })
    const { key } = await server.addClient({ name: 'many tabs' })
    const open = () => openSocket(server.url, { apiKey: key })
    const [first] = [await open(), await open()]
    await until(() => [...server.connections].every(({ caller }) => caller))
    expect(await (await open()).closed).toEqual({ code: 1013, reason: 'Too many connections of this API client' })
    first?.socket.close()
    await first?.closed
    const next = await open()
    await until(() => next.messages.length > 0)
    const other = await openSocket(server.url, { apiKey: server.adminKey })
    await until(() => other.messages.length > 0)
    expect(other.messages).toEqual([{ type: 'connection_ack' }])
  })
})
