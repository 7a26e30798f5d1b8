import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { type BareSocket, openSocket } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

const WATCH = 'subscription { maintenanceState { mode } }'
/** A write that waits for the database: for as long as {@link holdDatabase} says. */
const slow = (key: string): string => `mutation { setFeatureFlag(input: { key: "${key}" }) { revision } }`

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

async function open(key = server.adminKey): Promise<BareSocket> {
  const bare = await openSocket(server.url, { apiKey: key })
  await until(() => bare.messages.length > 0)
  return bare
}

/** Lets nobody at the change log until it is released. */
async function holdDatabase(): Promise<() => Promise<void>> {
  const client = await (server.services.database as Database).pool.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE changes IN ACCESS EXCLUSIVE MODE')
  return async () => {
    await client.query('ROLLBACK')
    client.release()
  }
}

async function streams(): Promise<number> {
  const response = await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': server.adminKey } })
  return Number(/^valhalla_subscriptions (\d+)$/m.exec(await response.text())?.[1])
}

const codesOf = ({ messages }: BareSocket): unknown[] =>
  messages.flatMap(({ type, payload }) => (type === 'error' ? [(payload as { extensions: { code: string } }[])[0]?.extensions.code] : []))

describe('the id of an operation', () => {
  it('that still runs closes the connection with 4409, also when its client has completed it, and nothing runs on', async () => {
    const release = await holdDatabase()
    const bare = await open()
    bare.ask('q', slow('q'))
    bare.say({ id: 'q', type: 'complete' })
    bare.ask('q', WATCH)
    const ending = await bare.closed
    await release()
    expect(ending).toEqual({ code: 4409, reason: 'Subscriber for q already exists' })
    await until(async () => (await streams()) === 0)
  })

  it('may be used again once its operation has ended, by itself or by its client', async () => {
    const bare = await open()
    bare.ask('a', '{ viewer { role } }')
    await until(() => bare.messages.some(({ type }) => type === 'complete'))
    bare.ask('a', WATCH)
    await until(async () => (await streams()) === 1)
    bare.say({ id: 'a', type: 'complete' })
    bare.ask('a', WATCH)
    await until(() => bare.messages.filter(({ type }) => type === 'next').length === 3)
    expect(await streams()).toBe(1)
    bare.socket.terminate()
    await until(async () => (await streams()) === 0)
  })
})

describe('operations on a connection', () => {
  it('are at most a hundred at a time, also those that their client has completed and that still run', async () => {
    const release = await holdDatabase()
    const bare = await open()
    for (let index = 0; index < 300; index += 1) {
      bare.ask(`q${index}`, slow(`q${index}`))
      bare.say({ id: `q${index}`, type: 'complete' })
    }
    await until(() => codesOf(bare).length === 200)
    const running = [...server.connections].map(({ operations }) => operations.size)
    await release()
    expect(codesOf(bare)).toEqual(Array(200).fill('RATE_LIMITED'))
    expect(running).toEqual([100])
    // All of them have ended, and are forgotten.
    await until(() => [...server.connections].every(({ operations }) => operations.size === 0))
    expect(bare.messages.filter(({ type }) => type === 'next')).toEqual([])
    bare.socket.close()
  })

  it('that are refused unread are audited without a word of their document', async () => {
    const { client, key } = await server.addClient({ name: 'crowded', role: 'EVALUATOR' })
    const bare = await open(key)
    for (let index = 0; index < 100; index += 1) bare.ask(`s${index}`, WATCH)
    bare.ask('own', `{ my_own_text_${'a'.repeat(1_000)} }`)
    bare.ask('key', `{ ${key} }`)
    await until(() => codesOf(bare).length === 2)
    expect(codesOf(bare)).toEqual(['RATE_LIMITED', 'RATE_LIMITED'])
    bare.socket.close()
    const query = `{ auditEvents(first: 100, filter: { actorId: "${client.id}" }) { nodes { operation code outcome detail } } }`
    let nodes: { readonly detail: { readonly count?: number } | null }[] = []
    // Two equal events are one row or two, as they come.
    const sum = () => nodes.reduce((all, { detail }) => all + (detail?.count ?? 1), 0)
    await until(async () => {
      const { data } = await server.gql(query)
      nodes = (data as unknown as { auditEvents: { nodes: typeof nodes } }).auditEvents.nodes
      return sum() >= 2
    })
    expect(sum()).toBe(2)
    for (const node of nodes) expect(node).toMatchObject({ operation: 'none', code: 'RATE_LIMITED', outcome: 'DENIED' })
    expect(JSON.stringify(nodes)).not.toMatch(/my_own_text|vk_/)
  })

  it('are answered at the end of the server, for as long as it gives them, and no new ones begin', async () => {
    const ending = await startTestServer()
    const bare = await openSocket(ending.url, { apiKey: ending.adminKey })
    await until(() => bare.messages.length > 0)
    bare.ask('run', 'mutation { runSmokeTest { run { isOk } userErrors { message } } }')
    await until(() => [...ending.connections].some(({ operations }) => operations.has('run')))
    const closing = ending.close()
    bare.ask('late', '{ viewer { role } }')
    const { code } = await bare.closed
    expect(code).toBe(1001)
    expect(bare.messages.find(({ id, type }) => id === 'run' && type === 'next')).toMatchObject({
      payload: { data: { runSmokeTest: { userErrors: [] } } },
    })
    expect(codesOf(bare)).toEqual(['UNAVAILABLE'])
    await closing
  })
})
