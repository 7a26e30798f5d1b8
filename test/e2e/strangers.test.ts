import { afterEach, describe, expect, it } from 'vitest'
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

  it('has a limited number of places', async () => {
    await begin({ strangers: 3 })
    const held = await Promise.all([1, 2, 3].map(() => rawConnection(portOf(), UPGRADE)))
    expect(await upgradeStatus(`${server.url}/graphql`)).toBe(503)
    for (const { socket } of held) socket.destroy()
  })

  it('leaves room for those of other addresses', async () => {
    await begin({ strangers: 4, strangersPerAddress: 2 })
    const network = '2001:db8:0:1:'
    const there = [
      await openSocket(server.url, undefined, from(`${network}:1`)),
      await openSocket(server.url, undefined, from(`${network}:2`)),
    ]
    await expect(openSocket(server.url, undefined, from(`${network}:3`))).rejects.toThrow('503')
    const elsewhere = await openSocket(server.url, { apiKey: server.adminKey }, from('192.0.2.1'))
    await until(() => elsewhere.messages.length > 0)
    // Whoever has said who it is counts no more.
    there[0]?.say({ type: 'connection_init', payload: { apiKey: server.adminKey } })
    await until(() => there[0]?.messages.length === 1)
    await openSocket(server.url, undefined, from(`${network}:3`))
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
