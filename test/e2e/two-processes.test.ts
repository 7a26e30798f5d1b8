import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { anyServer, askOverHttp, launchServer, type StartingServer } from '../testkit/server-process.js'
import { until } from '../testkit/until.js'

const PROGRAM = anyServer()
const hasPostgres = await usePostgres()
const WRITERS = 16
const INCREMENTS_EACH = 5
const PATIENT = { VALHALLA_DISK_RESERVE_MB: '0', VALHALLA_WRITE_TIMEOUT_MS: '60000' }

const READ = 'query($key: String!) { config(key: $key) { value version } systemStatus { revision } }'
const WRITE = `mutation($input: SetConfigInput!) {
  setConfig(input: $input) { configEntry { version } userErrors { code } revision }
}`

/** A process with its address and its admin's key. */
interface Peer {
  readonly server: StartingServer
  readonly url: string
  readonly key: string
}

async function launch(key: string, settings: Record<string, string>): Promise<Peer> {
  const server = launchServer(PROGRAM, {
    NODE_ENV: 'production',
    VALHALLA_SHUTDOWN_DELAY_MS: '0',
    VALHALLA_ALLOW_UNKEYED: 'true',
    VALHALLA_ADMIN_KEY: key,
    ...PATIENT,
    ...settings,
  })
  const { url } = await server.ready
  return { server, url, key }
}

/** The data of an answer without errors. */
async function ask<T>({ url, key }: Pick<Peer, 'url' | 'key'>, query: string, variables: Record<string, unknown> = {}): Promise<T> {
  const { data, errors } = await askOverHttp(url, { key, query, variables })
  expect(errors).toBeUndefined()
  return data as T
}

interface Read {
  readonly config: { readonly value: number; readonly version: number } | null
  readonly systemStatus: { readonly revision: number }
}

interface Written {
  readonly setConfig: {
    readonly configEntry: { readonly version: number } | null
    readonly userErrors: { readonly code: string }[]
    readonly revision: number | null
  }
}

const set = (peer: Peer, input: object): Promise<Written> => ask<Written>(peer, WRITE, { input })

/** Raises a counter by expectedVersion until it has worked `times` times; the revisions that were acknowledged. */
async function increment(peer: Peer, key: string, times: number): Promise<number[]> {
  const revisions: number[] = []
  while (revisions.length < times) {
    const { config } = await ask<Read>(peer, READ, { key })
    const { setConfig } = await set(peer, { key, value: (config?.value ?? 0) + 1, expectedVersion: config?.version ?? 0 })
    if (setConfig.revision !== null) revisions.push(setConfig.revision)
    else expect(setConfig.userErrors).toEqual([{ code: 'STALE_VERSION' }])
  }
  return revisions
}

describe.skipIf(!hasPostgres)('two processes on one PostgreSQL database', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  let a: Peer
  let b: Peer
  let subscriber: Client

  beforeAll(async () => {
    database = await createTestDatabase()
    const key = generateApiKey('live')
    const peers = await Promise.all([launch(key, { DATABASE_URL: database.url }), launch(key, { DATABASE_URL: database.url })])
    ;[a, b] = peers
    subscriber = createClient({
      url: `${b.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: key },
      retryAttempts: 0,
    })
  })

  afterAll(async () => {
    await subscriber?.dispose()
    await Promise.all([a?.server.kill(), b?.server.kill()])
    await database?.drop()
  })

  it('started side by side have one first admin, whose key works at both', async () => {
    const query = '{ viewer { role } apiClients { totalCount } }'
    const expected = { viewer: { role: 'ADMIN' }, apiClients: { totalCount: 1 } }
    expect(await ask(a, query)).toEqual(expected)
    expect(await ask(b, query)).toEqual(expected)
  })

  it('lose no increment of sixteen writers across both, and show the same value and revision', async () => {
    const writers = Array.from({ length: WRITERS }, (_, index) => increment(index % 2 === 0 ? a : b, 'counter', INCREMENTS_EACH))
    const revisions = (await Promise.all(writers)).flat()
    const reads = async () => [await ask<Read>(a, READ, { key: 'counter' }), await ask<Read>(b, READ, { key: 'counter' })]
    const last = { config: { value: revisions.length, version: revisions.length }, systemStatus: { revision: Math.max(...revisions) } }
    await until(async () => (await reads()).every(({ systemStatus }) => systemStatus.revision === last.systemStatus.revision))
    expect(await reads()).toEqual([last, last])
    expect(revisions).toHaveLength(WRITERS * INCREMENTS_EACH)
    expect(new Set(revisions).size).toBe(revisions.length)
  })

  it('read a flag at one that was written at the other', async () => {
    const evaluate = (peer: Peer) => ask(peer, '{ evaluateFlag(key: "checkout.new") { isEnabled reason } }')
    expect(await evaluate(b)).toEqual({ evaluateFlag: { isEnabled: true, reason: 'DEFAULT' } })
    await ask(a, 'mutation { setFeatureFlag(input: { key: "checkout.new", isEnabled: false }) { revision } }')
    const off = { evaluateFlag: { isEnabled: false, reason: 'DISABLED' } }
    expect(await evaluate(a)).toEqual(off)
    await until(async () => JSON.stringify(await evaluate(b)) === JSON.stringify(off))
  })

  it('give a subscriber of one every revision that is written at the other, in order, without a gap or a repeat', async () => {
    const { systemStatus } = await ask<Read>(b, READ, { key: 'counter' })
    const [since, count] = [systemStatus.revision, 150]
    const seen: number[] = []
    const query = `subscription { changes(filter: { sinceRevision: ${since}, untilRevision: ${since + count} }) { revision } }`
    const events = subscriber.iterate<{ changes: { revision: number } }>({ query })
    const write = async (from: number, to: number) => {
      for (let value = from; value < to; value += 1) await set(a, { key: `stream/${value}`, value })
    }
    // A third of them is in the log before the subscription begins; the rest arrives while it is served.
    await write(0, count / 3)
    const reading = (async () => {
      for await (const { data } of events) seen.push(data?.changes.revision ?? 0)
    })()
    await Promise.all([write(count / 3, (2 * count) / 3), write((2 * count) / 3, count)])
    await reading
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => since + 1 + index))
  })

  it('go on at the other when one is killed in the middle of a write', async () => {
    const dying = set(a, { key: 'last', value: 1 }).then(
      () => 'answered',
      () => 'unanswered',
    )
    await a.server.kill()
    await dying
    const { setConfig } = await set(b, { key: 'after', value: 1 })
    expect(setConfig.userErrors).toEqual([])
    const { systemStatus } = await ask<Read>(b, READ, { key: 'after' })
    expect(systemStatus.revision).toBe(setConfig.revision)
  })
})

describe('a second process on the directory of an embedded database', () => {
  let root: string
  let first: Peer

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'valhalla-two-'))
    first = await launch(generateApiKey('live'), { VALHALLA_DATA_DIR: join(root, 'data') })
  })

  afterAll(async () => {
    await first?.server.kill()
    await rm(root, { recursive: true, force: true })
  })

  it('ends with status 1 and says who holds it, while the first goes on answering and writing', async () => {
    const dataDir = join(root, 'data')
    const second = launchServer(PROGRAM, {
      NODE_ENV: 'production',
      VALHALLA_ALLOW_UNKEYED: 'true',
      VALHALLA_SHUTDOWN_DELAY_MS: '0',
      VALHALLA_DATA_DIR: dataDir,
    })
    let written = 0
    let isOver = false
    const writing = (async () => {
      for (; !isOver; written += 1) await set(first, { key: 'n', value: written })
    })()
    const status = await second.ended()
    isOver = true
    await writing
    expect(status).toBe(1)
    expect(second.output().split('\n')).toEqual([
      expect.stringContaining(`data directory ${dataDir} is in use by process ${first.server.pid} on `),
    ])
    const { setConfig } = await set(first, { key: 'n', value: -1 })
    expect(setConfig.userErrors).toEqual([])
    expect(await ask(first, '{ config(key: "n") { value } }')).toEqual({ config: { value: -1 } })
    expect(written).toBeGreaterThan(0)
  })
})
