import { createClient } from 'graphql-ws'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Caller, SYSTEM_ACTOR } from '../../src/core/contract/caller.js'
import { BUILT_IN_CHECKS } from '../../src/packs/deployment/probes/built-in-checks.js'
import { issueRunKey } from '../../src/packs/deployment/runs/run-key.js'
import { SmokeRunner } from '../../src/packs/deployment/runs/smoke-runner.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { type Sink, startSink } from '../testkit/sink.js'
import { dataOf, RUN_FIELDS, type SmokeRun, SmokeTester } from '../testkit/smoke-tester.js'
import { followSubscription } from '../testkit/subscriptions.js'
import { until } from '../testkit/until.js'

let server: TestServer
let sink: Sink
let tester: SmokeTester
beforeAll(async () => {
  sink = await startSink()
  server = await startTestServer({ SMOKE_ALLOWED_ORIGINS: sink.origin })
  tester = new SmokeTester(server)
})
afterEach(() => tester.removeChecks())
afterAll(async () => {
  await server.close()
  await sink.close()
})

describe('runs', () => {
  const page = async (args: string) =>
    dataOf<{ smokeTestRuns: { nodes: { id: string }[]; totalCount: number; pageInfo: { endCursor: string; hasNextPage: boolean } } }>(
      await server.gql(`{ smokeTestRuns(${args}) { nodes { id } totalCount pageInfo { endCursor hasNextPage } } }`),
    ).smokeTestRuns

  it('are kept, newest first, in pages', async () => {
    const made = [
      (await tester.runOf({ checks: ['liveness'] })).id,
      (await tester.runOf({ checks: ['liveness'] })).id,
      (await tester.runOf({ checks: ['liveness'] })).id,
    ]
    const first = await page('first: 2')
    expect(first.nodes.map(({ id }) => id)).toEqual([made[2], made[1]])
    expect(first.pageInfo.hasNextPage).toBe(true)
    const next = await page(`first: 1, after: "${first.pageInfo.endCursor}"`)
    expect(next.nodes.map(({ id }) => id)).toEqual([made[0]])
    expect(next.totalCount).toBe(first.totalCount)
    expect((await server.gql('{ smokeTestRuns(after: "MTpub25zZW5zZQ") { totalCount } }')).errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ])
  })

  it('can be read again as they were answered', async () => {
    const run = await tester.runOf({ checks: ['liveness', 'database'] })
    expect(dataOf(await server.gql(`{ smokeTestRun(id: "${run.id}") { ${RUN_FIELDS} } }`))).toEqual({ smokeTestRun: run })
    for (const id of ['', 'nonsense', '01a2051b-a9ac-728c-b915-4dd50679f428'])
      expect(dataOf(await server.gql('query ($id: ID!) { smokeTestRun(id: $id) { id } }', { id }))).toEqual({ smokeTestRun: null })
  })

  it('are kept up to a thousand', async () => {
    const { database } = server.services
    await database.ask(`INSERT INTO smoke_test_runs (id, base_url, is_ok, started_at, finished_at, duration_ms, results)
      SELECT '00000000-0000-7000-8000-' || lpad(i::text, 12, '0'), 'http://x', true, now(), now(), 1, '[]' FROM generate_series(1, 1005) i`)
    const { id } = await tester.runOf({ checks: ['liveness'] })
    const { nodes, totalCount } = await page('first: 1')
    expect({ newest: nodes[0]?.id, totalCount }).toEqual({ newest: id, totalCount: 1_000 })
  })
})

describe('a run that comes to nothing', () => {
  it('ends for those who follow, not ok, is not kept, and makes room for the next', async () => {
    const runs = await followSubscription<SmokeRun>(server.url, server.adminKey, `subscription { smokeTestRuns { ${RUN_FIELDS} } }`)
    const { service } = server.services
    const door = service.door
    service.open({
      ...door,
      issueKey() {
        throw new Error('no keys')
      },
    })
    const { errors } = await server.gql('mutation { runSmokeTest { run { id } } }')
    service.open(door)
    expect(errors?.map(({ extensions }) => extensions?.['code'])).toEqual(['INTERNAL_SERVER_ERROR'])
    const [begun, ended] = await runs.count(2)
    expect(begun).toMatchObject({ finishedAt: null, results: [] })
    expect(ended).toEqual({ ...begun, isOk: false, finishedAt: expect.any(String), durationMs: expect.any(Number) })
    expect(dataOf(await server.gql(`{ smokeTestRun(id: "${begun?.id}") { id } }`))).toEqual({ smokeTestRun: null })
    expect((await tester.runOf({ checks: ['liveness'] })).isOk).toBe(true)
    await runs.stop()
  })

  it('makes room for the next where it cannot even begin', async () => {
    const clock = {
      now(): Date {
        throw new Error('no time')
      },
      monotonicMs: () => 0,
    }
    const runner = new SmokeRunner({ ...server.services, clock })
    expect(() => runner.reserve()?.begin(SYSTEM_ACTOR)).toThrow('no time')
    expect(runner.reserve()).toBeDefined()
  })
})

describe('smokeTestProgress', () => {
  /** Everything that a subscription to a run brings, until it is over. */
  async function follow(runId: string, seen: string[] = []) {
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: server.adminKey },
      retryAttempts: 0,
    })
    const faults: unknown[] = []
    try {
      const query = 'subscription ($runId: ID!) { smokeTestProgress(runId: $runId) { name status } }'
      for await (const { data, errors } of client.iterate<{ smokeTestProgress: { name: string } }>({ query, variables: { runId } })) {
        if (errors) faults.push(...errors)
        else if (data) seen.push(data.smokeTestProgress.name)
      }
    } catch (error) {
      faults.push(...(error as Iterable<unknown>))
    } finally {
      await client.dispose()
    }
    return { seen, faults }
  }

  it('brings each result of a run under way as its check ends, and completes with it', async () => {
    const gate = { open: (): void => undefined }
    const opened = new Promise<void>((resolve) => {
      gate.open = resolve
    })
    const slow = await startSink((_request, response) => void opened.then(() => response.end()))
    await tester.addCheck({ name: 'last', kind: 'HTTP', path: '/slow' })
    try {
      // One check waits until we let it go.
      const { service } = server.services
      const door = service.door
      service.open({ ...door, url: slow.origin })
      const running = tester.runOf({ checks: ['database', 'last'] })
      let runId = ''
      await until(async () => {
        const { smokeTestRuns } = dataOf<{ smokeTestRuns: { nodes: SmokeRun[] } }>(
          await server.gql(`{ smokeTestRuns(first: 1) { nodes { ${RUN_FIELDS} } } }`),
        )
        const [newest] = smokeTestRuns.nodes
        runId = newest?.finishedAt === null ? newest.id : ''
        return newest?.finishedAt === null && newest.results.length === 1
      })
      service.open(door)
      const seen: string[] = []
      const following = follow(runId, seen)
      await until(() => seen.length === 1)
      expect(seen).toEqual(['database'])
      gate.open()
      expect(await following).toEqual({ seen: ['database', 'last'], faults: [] })
      expect((await running).id).toBe(runId)
      expect(await follow(runId)).toEqual({ seen: ['database', 'last'], faults: [] })
    } finally {
      gate.open()
      await slow.close()
    }
  })

  it('is refused for a run that nobody knows', async () => {
    for (const id of ['nonsense', '01a2051b-a9ac-728c-b915-4dd50679f428'])
      expect(await follow(id)).toMatchObject({ seen: [], faults: [{ extensions: { code: 'BAD_USER_INPUT' } }] })
  })
})

describe('the key of a run', () => {
  /** Holders and keys of the runs that `work` makes. */
  async function watchKeys(work: () => Promise<unknown>) {
    const { service } = server.services
    const door = service.door
    const issued: { holder: Caller; text: string }[] = []
    service.open({
      ...door,
      issueKey: (holder) => {
        const key = door.issueKey(holder)
        issued.push({ holder, text: key.text })
        return key
      },
    })
    try {
      await work()
    } finally {
      service.open(door)
    }
    return issued
  }

  it('may do just what its checks need', async () => {
    await tester.addCheck({ name: 'flags', kind: 'GRAPHQL', query: '{ featureFlags { totalCount } }' })
    const permissionsFor = async (...checks: string[]) =>
      (await watchKeys(() => tester.runOf({ checks }))).map(({ holder }) => [...holder.permissions].sort())
    expect(await permissionsFor('liveness', 'database')).toEqual([[]])
    expect(await permissionsFor('graphql', 'authenticated-query', 'unauthenticated-query', 'subscription')).toEqual([[]])
    expect(await permissionsFor('flag-evaluation', 'flags')).toEqual([['flags:evaluate', 'flags:read']])
    expect(await permissionsFor('config-round-trip')).toEqual([['operations:plan']])
  })

  it('may do nothing that an OPERATOR may not, whatever its checks ask for', async () => {
    const { services } = server
    const permissions = { ...services.permissions, OPERATOR: new Set(['flags:evaluate'] as const) }
    const keys = await watchKeys(async () => issueRunKey({ ...services, permissions }, BUILT_IN_CHECKS).revoke())
    expect(keys.map(({ holder }) => [...holder.permissions])).toEqual([['flags:evaluate']])
  })

  it('is made for this service alone', async () => {
    expect(await watchKeys(() => tester.runOf({ baseUrl: sink.origin }))).toEqual([])
  })

  it('works no longer than the run, and appears nowhere', async () => {
    await tester.addCheck({ name: 'broken', kind: 'GRAPHQL', query: '{ viewer { role } }', expectBody: { data: 1 } })
    const answers: unknown[] = []
    const keys = await watchKeys(async () => {
      answers.push(await tester.runOf(), await tester.runOf({ checks: ['broken'] }))
    })
    expect(keys).toHaveLength(2)
    const { database } = server.services
    const { rows: tables } = await database.ask<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`)
    const dumps = await Promise.all(tables.map(({ name }) => database.ask(`SELECT t::text AS row FROM "${name}" t`)))
    const metrics = await (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.adminKey}` } })).text()
    const everything = JSON.stringify([server.logged, answers, dumps.map(({ rows }) => rows), metrics])
    expect(everything).toContain('In the body, `data` is not what expectBody says.')
    for (const { text } of keys) {
      expect(everything).not.toContain(text)
      expect(everything).not.toContain(text.slice(-32))
      expect((await server.gql('{ viewer { role } }', {}, { key: text })).status).toBe(401)
    }
  })

  it('belongs to no client, and its use counts for none', async () => {
    const clients = () => server.gql('{ apiClients { totalCount nodes { name lastUsedAt } } }')
    const before = dataOf<{ apiClients: { totalCount: number } }>(await clients())
    await tester.runOf()
    expect(dataOf<{ apiClients: { totalCount: number } }>(await clients()).apiClients.totalCount).toBe(before.apiClients.totalCount)
    expect(server.services.usage.lastAt('client', 'smoke-test')).toBe(null)
  })
})
