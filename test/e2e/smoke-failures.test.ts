import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { startTcpProxy } from '../testkit/tcp-proxy.js'
import { until } from '../testkit/until.js'

const REDIS_URL = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379'

interface Run {
  readonly id: string
  readonly isOk: boolean
  readonly results: readonly { readonly name: string; readonly status: string; readonly error: string | null }[]
}

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer(env)
  closing.push(() => server.close())
  return server
}

async function runOn(server: TestServer): Promise<Run> {
  const { data, errors } = await server.gql(
    'mutation { runSmokeTest { run { id isOk results { name status error } } userErrors { code } } }',
  )
  expect(errors).toBe(undefined)
  return (data as unknown as { runSmokeTest: { run: Run } }).runSmokeTest.run
}

/** What did not pass, with its status. */
const others = ({ results }: Run): Record<string, string> =>
  Object.fromEntries(results.filter(({ status }) => status !== 'PASSED').map(({ name, status }) => [name, status]))
const errorOf = ({ results }: Run, name: string): string => results.find((result) => result.name === name)?.error ?? ''

async function hasRedis(): Promise<boolean> {
  const redis = new Redis(REDIS_URL, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2_000 })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    return true
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    console.warn('skipped: no Redis for tests; TEST_REDIS_URL names another')
    return false
  } finally {
    redis.disconnect()
  }
}

describe.skipIf(!ENGINES.includes('postgresql'))('with the database stopped', () => {
  it('the check of the database fails and says what to do; the run is kept once it is back', async () => {
    const database = await createTestDatabase()
    closing.push(() => database.drop())
    const proxy = await startTcpProxy(database.url)
    closing.push(() => proxy.close())
    const server = await start({ DATABASE_URL: proxy.url })
    expect(others(await runOn(server))).toEqual({})

    await proxy.cut()
    const run = await runOn(server)
    expect(run.isOk).toBe(false)
    expect(others(run)).toEqual({ database: 'FAILED', migrations: 'SKIPPED' })
    expect(errorOf(run, 'database')).toMatch(/^The database does not answer: .*DATABASE_URL runs.*recovers by itself\.$/)
    expect(errorOf(run, 'migrations')).toMatch(/see the check `database`/)
    expect(JSON.stringify(run)).not.toContain(String(proxy.port))
    const profile = await server.gql('{ deploymentProfile { databaseEngine appliedMigrations pendingMigrations } }')
    expect(profile.data?.['deploymentProfile']).toMatchObject({ databaseEngine: 'postgresql', pendingMigrations: [] })
    expect((await server.gql('{ smokeTestRuns { totalCount } }')).errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }])
    expect((await server.gql(`{ smokeTestRun(id: "${run.id}") { isOk } }`)).data).toEqual({ smokeTestRun: { isOk: false } })

    await proxy.restore()
    await until(async () => (await runOn(server)).isOk)
    const kept = await server.gql('{ smokeTestRuns(first: 100) { nodes { id isOk } } }')
    const { nodes } = (kept.data as unknown as { smokeTestRuns: { nodes: Run[] } }).smokeTestRuns
    expect(nodes).toContainEqual({ id: run.id, isOk: false })
    const { rows } = await server.services.database.ask('SELECT 1 FROM smoke_test_runs WHERE id = $1', [run.id])
    expect(rows).toHaveLength(1)
  })
})

describe('with a migration pending', () => {
  it('the check of the migrations fails and names it, and so does the profile', async () => {
    const server = await start()
    const { database } = server.services
    const { migrations } = database
    const pending = String(migrations.applied.at(-1))
    await database.ask('DELETE FROM _prisma_migrations WHERE migration_name = $1', [pending])
    const run = await runOn(server)
    expect({ isOk: run.isOk, others: others(run) }).toEqual({ isOk: false, others: { migrations: 'FAILED' } })
    expect(errorOf(run, 'migrations')).toBe(
      `Migrations of this build are not applied: ${pending}. Restart the service, which applies them at its start.`,
    )
    const profile = await server.gql('{ deploymentProfile { appliedMigrations pendingMigrations } }')
    expect(profile.data?.['deploymentProfile']).toEqual({
      appliedMigrations: migrations.applied.slice(0, -1),
      pendingMigrations: [pending],
    })
  })

  it('a migration that was edited afterwards is told apart', async () => {
    const server = await start()
    await server.services.database.ask(`UPDATE _prisma_migrations SET checksum = 'x' WHERE migration_name LIKE '%_init'`)
    expect(errorOf(await runOn(server), 'migrations')).toMatch(
      /^The migrations are not in order: migration \d+_init was edited after it was applied/,
    )
  })
})

describe.skipIf(!(await hasRedis()))('with Redis stopped', () => {
  it('the check of the rate limiter fails and says what to do, and does not block: limits hold in memory', async () => {
    const proxy = await startTcpProxy(REDIS_URL)
    closing.push(() => proxy.close())
    const server = await start({ REDIS_URL: proxy.url, VALHALLA_ENV: 'smoke-failures' })
    expect(others(await runOn(server))).toEqual({})
    await proxy.cut()
    await until(() => server.services.limiter.status.redis?.isReachable === false)
    const run = await runOn(server)
    expect({ isOk: run.isOk, others: others(run) }).toEqual({ isOk: true, others: { 'rate-limiter': 'FAILED' } })
    expect(errorOf(run, 'rate-limiter')).toMatch(/^Redis does not answer: .*REDIS_URL runs.*recovers by itself\.$/)
    await proxy.restore()
    await until(async () => Object.keys(others(await runOn(server))).length === 0)
  })
})

describe('with a limit that the probes go beyond', () => {
  it('the checks fail that it denies, and name the limit', async () => {
    const server = await start()
    const set = await server.gql(
      'mutation { setRateLimitRule(input: { scope: API_KEY, key: "*", windowSeconds: 60, maxRequests: 12 }) { userErrors { code message } } }',
    )
    expect(set.data).toEqual({ setRateLimitRule: { userErrors: [] } })
    const run = await runOn(server)
    const limited = run.results.filter(({ error }) => error?.includes('RATE_LIMITED'))
    expect(run.isOk).toBe(false)
    expect(limited.length).toBeGreaterThan(0)
    expect(limited.every(({ error }) => error?.includes('rateLimitRules') ?? false)).toBe(true)
  })
})
