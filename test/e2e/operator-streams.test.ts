import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { smokeRunner } from '../../src/packs/deployment/index.js'
import { RunWatch } from '../../src/packs/deployment/runs/run-watch.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { dataOf, type SmokeRun } from '../testkit/smoke-tester.js'
import { followSubscription } from '../testkit/subscriptions.js'
import { until } from '../testkit/until.js'

const RUN =
  'mutation ($i: RunSmokeTestInput) { runSmokeTest(input: $i) { run { id isOk finishedAt results { name } } userErrors { code } } }'
const RUNS = 'subscription { smokeTestRuns { id isOk finishedAt results { name } triggeredBy { name } } }'
const AUDIT = (filter = '') => `subscription { auditEvents${filter} { operation outcome code actor { name } } }`

interface Event {
  readonly operation: string
  readonly outcome: string
  readonly code: string | null
}

describe.runIf(await usePostgres())('on two replicas', () => {
  let drop: () => Promise<void>
  let [near, far] = [{} as TestServer, {} as TestServer]
  let keys: Record<'EVALUATOR' | 'OBSERVER' | 'OPERATOR', string>

  beforeAll(async () => {
    const database = await createTestDatabase()
    drop = database.drop
    const env = { DATABASE_URL: database.url }
    near = await startTestServer(env)
    far = await startTestServer(env)
    const keyOf = async (role: 'EVALUATOR' | 'OBSERVER' | 'OPERATOR') => (await near.addClient({ role, name: role })).key
    keys = { EVALUATOR: await keyOf('EVALUATOR'), OBSERVER: await keyOf('OBSERVER'), OPERATOR: await keyOf('OPERATOR') }
    await until(async () => (await far.gql('{ viewer { role } }', {}, { key: keys.OPERATOR })).status === 200)
  })
  afterAll(async () => {
    await near.close()
    await far.close()
    await drop()
  })

  const denied = (server: TestServer, key: string) =>
    server.gql('mutation { unlockConfig(input: { key: "x", reason: "y" }) { revision } }', {}, { key })

  /** How many subscriptions stand. */
  const running = async ({ url, adminKey }: TestServer): Promise<number> => {
    const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } })
    return Number(/^valhalla_subscriptions (\d+)$/m.exec(await answer.text())?.[1])
  }

  describe('auditEvents', () => {
    it('tells what is refused from now on at any replica, once, and what is meant alone', async () => {
      await denied(near, keys.EVALUATOR)
      const all = await followSubscription<Event>(near.url, keys.OPERATOR, AUDIT())
      // It looks into the database before it stands.
      await until(async () => (await running(near)) === 1)
      const few = await followSubscription<Event>(
        near.url,
        keys.OPERATOR,
        AUDIT('(filter: { operation: "unlockConfig", outcome: DENIED })'),
      )
      await until(async () => (await running(near)) === 2)
      await denied(far, keys.OBSERVER)
      await denied(near, keys.OPERATOR)
      const unlock = { operation: 'unlockConfig', outcome: 'DENIED', code: 'FORBIDDEN' }
      expect([...(await few.count(2))].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual([
        { ...unlock, actor: { name: 'OBSERVER' } },
        { ...unlock, actor: { name: 'OPERATOR' } },
      ])
      await until(() => all.events.filter(({ operation }) => operation === 'unlockConfig').length === 2)
      // The second one who began to follow, which is an event itself.
      expect(all.events.filter(({ operation }) => operation === 'auditEvents')).toMatchObject([
        { outcome: 'SUCCEEDED', actor: { name: 'OPERATOR' } },
      ])
      await all.stop()
      await few.stop()
    })

    it('is for those who may read them, and refuses a filter that no row can fit', async () => {
      const refused = await followSubscription<Event>(near.url, keys.OBSERVER, AUDIT())
      await until(() => refused.faults.length > 0)
      const bad = await followSubscription<Event>(near.url, keys.OPERATOR, AUDIT('(filter: { operation: "\\u0000" })'))
      await until(() => bad.faults.length > 0)
      expect([refused.faults, bad.faults]).toEqual([['FORBIDDEN'], ['BAD_USER_INPUT']])
      await refused.stop()
      await bad.stop()
    })
  })

  describe('smokeTestRuns', () => {
    it('tells each run as it begins and as it ends, those of another replica as they end, none twice', async () => {
      const here = await followSubscription<SmokeRun>(near.url, keys.OBSERVER, RUNS)
      const there = await followSubscription<SmokeRun>(far.url, keys.OBSERVER, RUNS)
      const { run } = dataOf<{ runSmokeTest: { run: { id: string } } }>(
        await near.gql(RUN, { i: { checks: ['liveness'] } }, { key: keys.OPERATOR }),
      ).runSmokeTest
      const [begun, ended] = await here.count(2)
      expect([begun, ended]).toMatchObject([
        { id: run.id, isOk: true, finishedAt: null, results: [], triggeredBy: { name: 'OPERATOR' } },
        { id: run.id, isOk: true, finishedAt: expect.any(String), results: [{ name: 'liveness' }] },
      ])
      await there.count(1)
      const again = dataOf<{ runSmokeTest: { run: { id: string } } }>(
        await far.gql(RUN, { i: { checks: ['liveness'] } }, { key: keys.OPERATOR }),
      ).runSmokeTest.run
      await there.count(3)
      await here.count(3)
      expect(there.events.map(({ id, finishedAt }) => [id, finishedAt !== null])).toEqual([
        [run.id, true],
        [again.id, false],
        [again.id, true],
      ])
      expect(here.events.map(({ id, finishedAt }) => [id, finishedAt !== null])).toEqual([
        [run.id, false],
        [run.id, true],
        [again.id, true],
      ])
      await here.stop()
      await there.stop()
    })
  })

  describe('a replica that follows while the database is away', () => {
    it('tells what has ended meanwhile once it is back, however long that took, and nothing twice or from before', async () => {
      const clock = new HandClock()
      // Behind the runs that the other cases have made.
      clock.wallMs = Date.now() + 86_400_000
      const { database } = near.services
      const keep = async (number: number): Promise<string> => {
        const id = `00000000-0000-7000-8000-00000000000${number}`
        const text = `INSERT INTO smoke_test_runs (id, base_url, is_ok, started_at, finished_at, duration_ms, results)
          VALUES ($1, 'http://x', true, $2, $2, 1, '[]')`
        await database.ask(text, [id, clock.now()])
        return id
      }
      await keep(1)
      clock.pass(1_000)
      const away = vi.spyOn(database, 'askPrisma').mockRejectedValueOnce(new Error('away'))
      const runs = new RunWatch({ ...near.services, clock }).follow()
      const [first, second] = [runs.next(), runs.next()]
      await until(() => away.mock.settledResults.length > 0)
      const meanwhile = await keep(2)
      clock.pass(3_600_000)
      expect((await first).value?.id).toBe(meanwhile)
      const later = await keep(3)
      clock.pass(3_600_000)
      expect((await second).value?.id).toBe(later)
      await runs.return?.()
      away.mockRestore()
    })
  })

  describe('runSmokeTest that nobody waits for', () => {
    it('answers with the run under way, which goes on to its end', async () => {
      const { run, userErrors } = dataOf<{ runSmokeTest: { run: SmokeRun; userErrors: object[] } }>(
        await near.gql(RUN, { i: { wait: false } }),
      ).runSmokeTest
      expect([run, userErrors]).toMatchObject([{ isOk: true, finishedAt: null, results: [] }, []])
      // The slot is taken until it has ended.
      expect(dataOf(await near.gql(RUN, { i: { wait: false } }))).toMatchObject({
        runSmokeTest: { run: null, userErrors: [{ code: 'INVALID_STATE' }] },
      })
      const progress = await followSubscription<{ name: string }>(
        near.url,
        keys.OBSERVER,
        `subscription { smokeTestProgress(runId: "${run.id}") { name } }`,
      )
      await near.services.once(smokeRunner).settled()
      const { smokeTestRun } = dataOf<{ smokeTestRun: SmokeRun }>(
        await far.gql('query ($id: ID!) { smokeTestRun(id: $id) { finishedAt results { name } } }', { id: run.id }, { key: keys.OBSERVER }),
      )
      expect(smokeTestRun.finishedAt).toEqual(expect.any(String))
      expect(await progress.count(smokeTestRun.results.length)).toEqual(smokeTestRun.results)
      await progress.stop()
    })
  })

  describe('systemStatus', () => {
    it('tells the status at once and after each change at any replica, and nothing of other changes', async () => {
      const query = 'subscription { systemStatus { notes extra } }'
      const status = await followSubscription<{ notes: string | null; extra: object }>(far.url, keys.EVALUATOR, query)
      await status.count(1)
      await near.gql('mutation { setConfig(input: { key: "unrelated", value: 1 }) { revision } }')
      await near.gql('mutation { updateSystemVersion(input: { notes: "on our way" }) { revision } }')
      expect(await status.count(2)).toEqual([
        { notes: null, extra: {} },
        { notes: 'on our way', extra: {} },
      ])
      await status.stop()
    })
  })
})

describe('smokeHistory', () => {
  let server: TestServer
  const NOW = Date.UTC(2026, 5, 10, 1)
  beforeAll(async () => {
    server = await startTestServer({}, {}, { clock: { now: () => new Date(NOW), monotonicMs: () => performance.now() } })
    const check = (name: string, status: string, latencyMs: number | null) => ({ name, status, isBlocking: true, latencyMs })
    const runs = [
      ['2026-06-07T23:59:59.999Z', true, 10, [check('a', 'PASSED', 1)]],
      ['2026-06-08T00:00:00Z', false, 20, [check('a', 'FAILED', 5), check('b', 'FAILED', 7), check('c', 'SKIPPED', null)]],
      ['2026-06-08T12:00:00Z', false, 40, [check('a', 'PASSED', 3), check('b', 'FAILED', 9)]],
      ['2026-06-10T00:30:00Z', true, 30, [check('a', 'PASSED', 2)]],
    ]
    for (const [index, [at, isOk, ms, results]] of runs.entries())
      await server.services.database.ask(
        'INSERT INTO smoke_test_runs (id, base_url, is_ok, started_at, finished_at, duration_ms, results) VALUES ($1, $2, $3, $4, $4, $5, $6)',
        [`00000000-0000-7000-8000-00000000000${index}`, 'http://x', isOk, at, ms, JSON.stringify(results)],
      )
  })
  afterAll(() => server.close())
  const history = async (argument: string) =>
    dataOf<{ smokeHistory: object[] }>(await server.gql(`{ smokeHistory${argument} { date runs failedRuns failedChecks p95Ms } }`))
      .smokeHistory
  const day = (date: string, runs = 0, failedRuns = 0, failedChecks: string[] = [], p95Ms: number | null = null) => ({
    ...{ date, runs, failedRuns, failedChecks, p95Ms },
  })

  it('counts the runs of each day, days without any too, today last', async () => {
    expect(await history('(days: 3)')).toEqual([
      day('2026-06-08', 2, 2, ['a', 'b'], 40),
      day('2026-06-09'),
      day('2026-06-10', 1, 0, [], 30),
    ])
    const usual = await history('')
    expect(usual).toHaveLength(90)
    expect(usual.at(-4)).toEqual(day('2026-06-07', 1, 0, [], 10))
  })

  it('tells what one check found, where it was run at all', async () => {
    expect(await history('(days: 3, check: "a")')).toEqual([
      day('2026-06-08', 2, 1, ['a'], 5),
      day('2026-06-09'),
      day('2026-06-10', 1, 0, [], 2),
    ])
    expect(await history('(days: 3, check: "c")')).toEqual([day('2026-06-08'), day('2026-06-09'), day('2026-06-10')])
  })

  it.each(['(days: 0)', '(days: 367)', '(days: 1, check: "\\u0000")'])('refuses %s', async (argument) => {
    const { errors } = await server.gql(`{ smokeHistory${argument} { date } }`)
    expect(errors?.map(({ extensions }) => extensions?.['code'])).toEqual(['BAD_USER_INPUT'])
  })
})

describe('requestRates', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.close())

  it('counts the operations of this replica on every way in, with what came of them', async () => {
    const { key } = await server.addClient({ role: 'EVALUATOR' })
    await server.gql('{ viewer { role } }')
    await server.gql('{ requestRates { at } }', {}, { key })
    await server.gql('{ viewer { role } }', {}, { key: null })
    await server.gql('mutation { setConfig(input: { key: "-" }) { userErrors { code } } }')
    await (await followSubscription(server.url, server.adminKey, 'subscription { systemStatus { version } }')).stop()
    const { requestRates } = dataOf<{ requestRates: { requests: number; userErrors: number; denied: number; p99Ms: number }[] }>(
      await server.gql('{ requestRates(stepSeconds: 86400) { requests userErrors denied rateLimited failed p50Ms p99Ms } }'),
    )
    const sum = (name: 'requests' | 'userErrors' | 'denied') => requestRates.reduce((total, rate) => total + rate[name], 0)
    // Over HTTP four; over the WebSocket the subscription and what was asked to see that it stands.
    expect([sum('requests'), sum('userErrors'), sum('denied')]).toEqual([6, 1, 2])
    expect(requestRates.at(-1)?.p99Ms).toBeGreaterThan(0)
  })

  it.each(['stepSeconds: 0', 'stepSeconds: 90', 'stepSeconds: 86460'])('refuses %s', async (argument) => {
    const { errors } = await server.gql(`{ requestRates(${argument}) { at } }`)
    expect(errors?.map(({ extensions }) => extensions?.['code'])).toEqual(['BAD_USER_INPUT'])
  })
})
