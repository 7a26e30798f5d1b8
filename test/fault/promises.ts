import 'reflect-metadata'
import { createServer } from 'node:net'
import { openDatabase } from '../../src/core/database/open.js'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { newId } from '../../src/core/platform/ids.js'
import { createTestDatabase, silentLog, usePostgres } from '../testkit/databases.js'
import { openTestLedger } from '../testkit/ledger.js'
import { canStartRedis } from '../testkit/redis.js'
import { builtServer } from '../testkit/server-process.js'
import { startTcpProxy } from '../testkit/tcp-proxy.js'
import { fail, messageOf, readRounds } from './plan.js'
import { Replicas, soon } from './replicas.js'

/**
 * `npm run fault:promises -- --rounds 5`: measures what is promised in seconds, on two built servers that share a PostgreSQL
 * database (one of them behind a network that can fail) and a Redis. Exits with 1 when a promise was broken, 64 when the
 * command line cannot be understood. It means nothing on a machine that has other work to do.
 */
const SET_MODE = 'mutation ($i: SetMaintenanceModeInput!) { setMaintenanceMode(input: $i) { userErrors { message } } }'
const SET_RULE = 'mutation ($i: SetRateLimitRuleInput!) { setRateLimitRule(input: $i) { userErrors { message } } }'
const SET_FLAG = 'mutation ($i: SetFeatureFlagInput!) { setFeatureFlag(input: $i) { userErrors { message } } }'
const DEACTIVATE = 'mutation ($i: DeactivateApiClientInput!) { deactivateApiClient(input: $i) { userErrors { message } } }'
const DELETE_CONFIG = 'mutation { deleteConfig(input: { key: "nothing" }) { revision } }'
const SMOKE_TEST = 'mutation { runSmokeTest { run { isOk } userErrors { message } } }'
/** How long a fault lasts; milliseconds. */
const FAULT_MS = 1_000

/** Something that is promised to be over in time. */
interface Timed {
  readonly name: string
  readonly limitMs: number
  /** Does it once; how long it took, in milliseconds. */
  measure(replicas: Replicas): Promise<number>
}

/** How long `work` takes, in milliseconds. */
async function msOf(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now()
  await work()
  return performance.now() - startedAtMs
}

const ACROSS_REPLICAS: readonly Timed[] = [
  {
    name: 'a flag is what another replica has made of it',
    limitMs: 1_000,
    async measure(replicas) {
      const key = `promise-${newId()}`
      await replicas.write(SET_FLAG, { key })
      return msOf(() => soon(async () => (await replicas.ask('far', { query: `{ featureFlag(key: "${key}") { key } }` })).includes(key)))
    },
  },
  {
    name: 'a rate limit that was set at another replica holds',
    limitMs: 1_000,
    async measure(replicas) {
      const isDenied = async () => (await replicas.callFor('ann')).status === 429
      await replicas.write(SET_RULE, { scope: 'USER', maxRequests: 1, windowSeconds: 1_000, isEnabled: true })
      const ms = await msOf(() => soon(isDenied))
      await replicas.write(SET_RULE, { scope: 'USER', isEnabled: false })
      await soon(async () => !(await isDenied()))
      return ms
    },
  },
  {
    name: 'a maintenance mode that was set at another replica is in force',
    limitMs: 1_000,
    async measure(replicas) {
      const isFrozen = async () => (await replicas.ask('far', { query: DELETE_CONFIG })).includes('MAINTENANCE')
      await replicas.write(SET_MODE, { mode: 'READ_ONLY' })
      const ms = await msOf(() => soon(isFrozen))
      await replicas.write(SET_MODE, { mode: 'NORMAL' })
      await soon(async () => !(await isFrozen()))
      return ms
    },
  },
  {
    name: 'a key that was deactivated at another replica is refused, and its subscription closed',
    limitMs: 1_000,
    async measure(replicas) {
      const { id, key } = await replicas.register({})
      const { closed } = await replicas.subscribe(key)
      await replicas.write(DEACTIVATE, { id })
      const isRefused = async () => !(await replicas.ask('far', { query: '{ viewer { role } }', key })).includes('OBSERVER')
      return msOf(() => Promise.all([closed, soon(isRefused)]))
    },
  },
]

const ON_ONE: readonly Timed[] = [
  {
    name: 'the subscription of a key that expires is closed',
    limitMs: 1_500,
    async measure(replicas) {
      const expiresAtMs = systemClock.now().getTime() + 2_000
      const { key } = await replicas.register({ expiresAt: new Date(expiresAtMs).toISOString() })
      const { closed } = await replicas.subscribe(key)
      await closed
      return systemClock.now().getTime() - expiresAtMs
    },
  },
  {
    name: 'the smoke tests of a healthy server have passed',
    limitMs: 2_000,
    measure: (replicas) =>
      msOf(async () => {
        const answer = await replicas.ask('near', { query: SMOKE_TEST })
        if (!answer.includes('"isOk":true')) throw new Error(`the smoke tests did not pass: ${answer}`)
      }),
  },
  {
    name: 'a start gives up on a PostgreSQL server that says nothing',
    limitMs: 2_000,
    async measure() {
      const server = createServer(() => undefined).listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      const { port } = server.address() as { port: number }
      const databaseUrl = `postgresql://nobody@127.0.0.1:${port}/x`
      const options = { databaseUrl, dataDir: '', reserveBytes: 0, log: silentLog, clock: systemClock }
      const ms = await msOf(() => openDatabase(options).catch(() => undefined))
      server.close()
      return ms
    },
  },
  { name: 'a start gives up on a PostgreSQL server that freezes while it loads', limitMs: 11_000, measure: loadWithoutAnswer },
]

/** Loses the server in the middle of a load, at a table that somebody else holds; how long it takes to give up, in milliseconds. */
async function loadWithoutAnswer(): Promise<number> {
  const { url, drop } = await createTestDatabase()
  const proxy = await startTcpProxy(url)
  const [near, far] = [await openPostgres({ url, log: silentLog }), await openPostgres({ url: proxy.url, log: silentLog })]
  const holder = await near.pool.connect()
  await holder.query('BEGIN; LOCK TABLE feature_flags IN ACCESS EXCLUSIVE MODE')
  const loading = openTestLedger(far).catch(() => undefined)
  const waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'feature_flags'::regclass"
  await soon(async () => (await near.pool.query(waiting)).rowCount === 1)
  proxy.stall()
  const ms = await msOf(() => loading)
  holder.release(true)
  await Promise.all([near.close(), far.close()])
  await proxy.close()
  await drop()
  return ms
}

const UNDER_FAULTS: readonly Timed[] = [
  {
    name: 'a write is refused while the database says nothing',
    limitMs: 2_500,
    async measure(replicas) {
      replicas.proxy.stall()
      const ms = await msOf(() => replicas.ask('far', { query: DELETE_CONFIG }))
      await replicas.proxy.restore()
      await soon(() => isWritable(replicas))
      return ms
    },
  },
  {
    name: 'a database that says nothing shows as degraded',
    limitMs: 2_500,
    async measure(replicas) {
      const isDegraded = async () => (await (await fetch(`${replicas.urls.far}/readyz`)).text()).includes('"degraded":true')
      replicas.proxy.stall()
      const ms = await msOf(() => soon(isDegraded))
      await replicas.proxy.restore()
      await soon(async () => !(await isDegraded()))
      return ms
    },
  },
  {
    name: 'a replica whose connections died without a word shows what others write, and writes',
    limitMs: 5_000,
    async measure(replicas) {
      const key = `promise-${newId()}`
      replicas.proxy.forget()
      await replicas.write(SET_FLAG, { key })
      const isThere = async () => (await replicas.ask('far', { query: `{ featureFlag(key: "${key}") { key } }` })).includes(key)
      return msOf(() => Promise.all([soon(isThere), soon(() => isWritable(replicas))]))
    },
  },
  {
    name: 'writes are taken again once the database is back',
    limitMs: 5_000,
    async measure(replicas) {
      await replicas.proxy.cut()
      await soon(async () => !(await isWritable(replicas)))
      await replicas.proxy.restore()
      return msOf(() => soon(() => isWritable(replicas)))
    },
  },
  {
    name: 'a call is answered although Redis says nothing',
    limitMs: 1_500,
    async measure(replicas) {
      await replicas.write(SET_RULE, { scope: 'USER', maxRequests: 1_000_000, windowSeconds: 60, isEnabled: true })
      await soon(async () => (await replicas.callFor('ann')).isLimited)
      replicas.redis.freeze()
      const ms = await msOf(() => replicas.callFor('ann'))
      replicas.redis.thaw()
      await soon(() => countsInRedis(replicas))
      return ms
    },
  },
  {
    name: 'rate limits are counted in Redis again once it is back',
    limitMs: 5_000,
    async measure(replicas) {
      await replicas.redis.kill()
      await soon(async () => !(await countsInRedis(replicas)))
      await new Promise((resolve) => setTimeout(resolve, FAULT_MS))
      await replicas.redis.start()
      return msOf(() => soon(() => countsInRedis(replicas)))
    },
  },
]

async function isWritable(replicas: Replicas): Promise<boolean> {
  return !(await replicas.ask('far', { query: DELETE_CONFIG })).includes('UNAVAILABLE')
}

async function countsInRedis({ urls, adminKey }: Replicas): Promise<boolean> {
  const metrics = await fetch(`${urls.far}/metrics`, { headers: { 'x-api-key': adminKey } })
  return /^valhalla_rate_limit_redis_reachable 1$/m.test(await metrics.text())
}

/** Measures one promise some times and prints what came of it; false when it was broken. */
async function keeps({ name, limitMs, measure }: Timed, replicas: Replicas, rounds: number): Promise<boolean> {
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) times.push(await measure(replicas))
  times.sort((a, b) => a - b)
  const [least = 0, median = 0, most = 0] = [times[0], times[Math.floor(rounds / 2)], times.at(-1)]
  const shown = [least, median, most].map((ms) => ms.toFixed(0).padStart(5)).join(' / ')
  console.log(`${shown} ms of ${limitMs}: ${name}${most > limitMs ? ': BROKEN' : ''}`)
  return most <= limitMs
}

async function main(): Promise<number> {
  const rounds = readRounds('5')
  if (typeof rounds === 'string') return fail(rounds, EXIT_USAGE)
  const program = builtServer()
  if (!program) return fail('there is no dist/main.js: run `npm run build` first', 1)
  if (!((await usePostgres()) && canStartRedis)) return fail('promises are measured on PostgreSQL and with a redis-server', 1)
  const replicas = await Replicas.open(program)
  console.log(`least / median / most of ${rounds}:`)
  let isWell = true
  try {
    for (const promise of [...ACROSS_REPLICAS, ...ON_ONE, ...UNDER_FAULTS]) isWell = (await keeps(promise, replicas, rounds)) && isWell
  } finally {
    await replicas.close()
  }
  return isWell ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => fail(messageOf(error), 1))
