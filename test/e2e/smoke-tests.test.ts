import { createClient } from 'graphql-ws'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Caller } from '../../src/core/caller.js'
import { BUILT_IN_CHECKS } from '../../src/packs/deployment/built-in-checks.js'
import { issueRunKey } from '../../src/packs/deployment/run-key.js'
import { INSIDE_SPELLINGS } from '../testkit/inside-spellings.js'
import { type GraphQLAnswer, startTestServer, type TestServer } from '../testkit/server.js'
import { type Sink, startSink } from '../testkit/sink.js'
import { until } from '../testkit/until.js'

interface Result {
  readonly name: string
  readonly status: string
  readonly isBlocking: boolean
  readonly statusCode: number | null
  readonly latencyMs: number | null
  readonly error: string | null
}

interface Run {
  readonly id: string
  readonly baseUrl: string
  readonly isOk: boolean
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly durationMs: number | null
  readonly results: readonly Result[]
  readonly triggeredBy: { readonly name: string } | null
}

interface RunPayload {
  readonly run: Run | null
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null; readonly message: string }[]
}

const RUN = `id baseUrl isOk startedAt finishedAt durationMs triggeredBy { name }
  results { name status isBlocking statusCode latencyMs error }`
const RUN_SMOKE_TEST = `mutation ($input: RunSmokeTestInput) {
  runSmokeTest(input: $input) { run { ${RUN} } userErrors { code field message } }
}`
const SET_CHECK = 'mutation ($input: SetSmokeCheckInput!) { setSmokeCheck(input: $input) { userErrors { code field message } } }'
const DELETE_CHECK = 'mutation ($name: String!) { deleteSmokeCheck(input: { name: $name }) { deletedName userErrors { code } } }'

let server: TestServer
let sink: Sink
beforeAll(async () => {
  sink = await startSink()
  server = await startTestServer({
    SMOKE_ALLOWED_ORIGINS: `${sink.origin},http://localhost:${sink.port}`,
    VALHALLA_PUBLIC_URL: 'https://control.example.com/valhalla',
    VALHALLA_ENV: 'staging',
    VALHALLA_REGION: 'eu-west-1',
  })
})
afterAll(async () => {
  await server.close()
  await sink.close()
})

/** The data of an answer without errors. */
function dataOf<T>({ data, errors }: GraphQLAnswer): T {
  expect(errors).toBe(undefined)
  return data as unknown as T
}

async function smoke(input?: object, of = server): Promise<RunPayload> {
  return dataOf<{ runSmokeTest: RunPayload }>(await of.gql(RUN_SMOKE_TEST, { input })).runSmokeTest
}

async function runOf(input?: object, of = server): Promise<Run> {
  const { run, userErrors } = await smoke(input, of)
  expect(userErrors).toEqual([])
  if (!run) throw new Error('there is no run')
  return run
}

const added: string[] = []
async function addCheck(input: { readonly name: string; readonly [field: string]: unknown }): Promise<void> {
  expect(dataOf(await server.gql(SET_CHECK, { input }))).toEqual({ setSmokeCheck: { userErrors: [] } })
  added.push(input.name)
}
afterEach(async () => {
  for (const name of added.splice(0)) await server.gql(DELETE_CHECK, { name })
})

const NAMES = BUILT_IN_CHECKS.map(({ name }) => name)

describe('the smoke test of a healthy server', () => {
  it('passes every check, in less than two seconds', async () => {
    const durations: number[] = []
    for (let round = 0; round < 3; round += 1) {
      const run = await runOf()
      expect(run.results.filter(({ status }) => status !== 'PASSED')).toEqual([])
      expect(run.results.map(({ name }) => name).sort()).toEqual([...NAMES].sort())
      expect(run).toMatchObject({ isOk: true, baseUrl: `${server.url}/`, triggeredBy: { name: 'first admin' } })
      durations.push(run.durationMs ?? Number.NaN)
    }
    console.log(`smoke test: ${NAMES.length} checks in ${durations.map((ms) => `${Math.round(ms)} ms`).join(', ')}`)
    expect(Math.min(...durations)).toBeLessThan(2_000)
  })

  it('has a smoke result with status code and error for each check (seed: per-result detail)', async () => {
    await addCheck({ name: 'nowhere', kind: 'HTTP', path: '/nowhere' })
    const { results } = await runOf({ checks: ['liveness', 'unauthenticated-query', 'subscription', 'database', 'nowhere'] })
    const shown = Object.fromEntries(results.map(({ name, statusCode, error }) => [name, { statusCode, error }]))
    expect(shown).toEqual({
      liveness: { statusCode: 200, error: null },
      'unauthenticated-query': { statusCode: 401, error: null },
      subscription: { statusCode: 101, error: null },
      database: { statusCode: null, error: null },
      nowhere: { statusCode: 404, error: 'The status is 404, not 200: there is nothing at this path; check the path, and the base URL.' },
    })
    for (const { latencyMs } of results) expect(latencyMs).toBeGreaterThan(0)
  })

  it('says with one flag whether all is ok (seed: all-ok flag): no blocking check has failed', async () => {
    await addCheck({ name: 'optional', kind: 'HTTP', path: '/nowhere', isBlocking: false })
    const lenient = await runOf({ checks: ['liveness', 'optional'] })
    expect({ isOk: lenient.isOk, statuses: lenient.results.map(({ status }) => status).sort() }).toEqual({
      isOk: true,
      statuses: ['FAILED', 'PASSED'],
    })
    await addCheck({ name: 'needed', kind: 'HTTP', path: '/nowhere' })
    expect((await runOf({ checks: ['liveness', 'needed'] })).isOk).toBe(false)
  })

  it('changes nothing, and leaves nothing under smoke/', async () => {
    const before = server.services.ledger.snapshot.revision
    await runOf({ checks: ['config-round-trip'] })
    expect(server.services.ledger.snapshot.revision).toBe(before)
    expect(dataOf(await server.gql('{ configs(filter: { prefix: "smoke/" }) { totalCount } }'))).toEqual({ configs: { totalCount: 0 } })
  })

  it.each(['READ_ONLY', 'MAINTENANCE'])('can be run in %s mode, and skips what that refuses', async (mode) => {
    const set = (to: string) => server.gql(`mutation { setMaintenanceMode(input: { mode: ${to} }) { userErrors { code } } }`)
    await set(mode)
    try {
      const { isOk, results } = await runOf()
      expect(isOk).toBe(true)
      const others = results.filter(({ status }) => status !== 'PASSED')
      expect(others.map(({ name, status }) => `${name} ${status}`)).toEqual(['config-round-trip SKIPPED'])
      expect(others[0]?.error).toMatch(/maintenance mode/)
    } finally {
      await set('NORMAL')
    }
  })
})

describe('a custom check', () => {
  it('of GraphQL is let in to what its query needs', async () => {
    await addCheck({
      name: 'packs',
      kind: 'GRAPHQL',
      query: 'query { ...F } fragment F on Query { systemStatus { version } packs { id } apiClients { totalCount } }',
      expectBody: { data: { systemStatus: {} } },
    })
    expect((await runOf({ checks: ['packs'] })).results).toMatchObject([{ name: 'packs', status: 'PASSED', statusCode: 200 }])
  })

  it.each<[string, object, RegExp]>([
    ['status', { kind: 'HTTP', path: '/livez', expectStatus: 204 }, /^The status is 200, not 204\.$/],
    [
      'a member of the body',
      { kind: 'HTTP', path: '/livez', expectBody: { status: 'dead' } },
      /^In the body, `status` is not what expectBody says\.$/,
    ],
    ['a missing member', { kind: 'HTTP', path: '/livez', expectBody: { a: { b: 1 } } }, /^In the body, `a` is missing\.$/],
    ['an error of GraphQL', { kind: 'GRAPHQL', query: '{ nothingOfThisName }' }, /^The status is 400, not 200\.$/],
    ['a path where nothing is', { kind: 'GRAPHQL', query: '{ __typename }', path: '/nowhere' }, /^The status is 404, not 200: /],
  ])('that fails says which assertion did: %s', async (_, check, error) => {
    await addCheck({ name: 'broken', ...check })
    const { isOk, results } = await runOf({ checks: ['broken'] })
    expect(isOk).toBe(false)
    expect(results).toMatchObject([{ name: 'broken', status: 'FAILED' }])
    expect(results[0]?.error).toMatch(error)
  })

  it('may expect an error of GraphQL', async () => {
    await addCheck({ name: 'bad-query', kind: 'GRAPHQL', query: '{ nothingOfThisName }', expectStatus: 400 })
    expect((await runOf({ checks: ['bad-query'] })).isOk).toBe(true)
  })

  it('that is switched off is not run, and skipped when it is asked for', async () => {
    await addCheck({ name: 'off', kind: 'HTTP', path: '/nowhere', isEnabled: false })
    expect((await runOf()).results.map(({ name }) => name)).not.toContain('off')
    expect((await runOf({ checks: ['off'] })).results).toMatchObject([{ name: 'off', status: 'SKIPPED', latencyMs: null }])
  })

  it('is listed behind the built-in ones', async () => {
    await addCheck({ name: 'zzz', kind: 'HTTP', path: '/' })
    await addCheck({ name: 'aaa', kind: 'GRAPHQL', query: '{ __typename }' })
    const { smokeChecks } = dataOf<{ smokeChecks: { name: string; isBuiltIn: boolean; version: number }[] }>(
      await server.gql(
        '{ smokeChecks { id name kind path query expectStatus expectBody maxLatencyMs isBlocking isBuiltIn isEnabled version } }',
      ),
    )
    expect(smokeChecks.map(({ name, isBuiltIn, version }) => ({ name, isBuiltIn, version }))).toEqual([
      ...NAMES.map((name) => ({ name, isBuiltIn: true, version: 0 })),
      { name: 'aaa', isBuiltIn: false, version: 1 },
      { name: 'zzz', isBuiltIn: false, version: 1 },
    ])
  })

  it('can be a step of an admin operation, and leaves a change', async () => {
    const steps = '[{ setSmokeCheck: { name: "by-step", kind: HTTP, path: "/livez" } }]'
    const answer = await server.gql(
      `mutation { runAdminOperation(input: { steps: ${steps}, reason: "steps" }) { changes { pack targetType action after } userErrors { code } } }`,
    )
    added.push('by-step')
    expect(dataOf(answer)).toMatchObject({
      runAdminOperation: {
        changes: [{ pack: 'UB', targetType: 'SmokeCheck', action: 'CREATE', after: { name: 'by-step', path: '/livez' } }],
        userErrors: [],
      },
    })
  })
})

describe('the handshake of a subscription', () => {
  it('fails when something in between does not let WebSockets through', async () => {
    const { service } = server.services
    const door = service.door
    service.open({ ...door, url: sink.origin })
    try {
      const { isOk, results } = await runOf({ checks: ['subscription'] })
      expect(isOk).toBe(false)
      expect(results).toMatchObject([
        {
          status: 'FAILED',
          statusCode: 200,
          error: 'The upgrade to a WebSocket was refused with the status 200. Does a proxy in between let WebSockets through?',
        },
      ])
    } finally {
      service.open(door)
    }
  })
})

describe('an admin operation that is guarded', () => {
  const guarded = (key: string) =>
    server.gql(
      `mutation { runAdminOperation(input: { steps: [{ setFeatureFlag: { key: "${key}" } }], guardWithSmokeTest: true }) { wasReverted smokeTestRun { isOk } userErrors { code } } }`,
    )

  it('stays when the smoke test passes, and is put back when it fails', async () => {
    expect(dataOf(await guarded('guarded.ok'))).toEqual({
      runAdminOperation: { wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] },
    })
    await addCheck({ name: 'nowhere', kind: 'HTTP', path: '/nowhere' })
    expect(dataOf(await guarded('guarded.bad'))).toEqual({
      runAdminOperation: { wasReverted: true, smokeTestRun: { isOk: false }, userErrors: [] },
    })
    expect(dataOf(await server.gql('{ a: featureFlag(key: "guarded.ok") { key } b: featureFlag(key: "guarded.bad") { key } }'))).toEqual({
      a: { key: 'guarded.ok' },
      b: null,
    })
  })
})

describe('runSmokeTest refuses', () => {
  it('unknown checks, an empty list and a wrong address, all at once', async () => {
    const { run, userErrors } = await smoke({ baseUrl: 'http://evil.example', checks: ['liveness', 'nothing', 'database', 'neither'] })
    expect(run).toBe(null)
    expect(userErrors.map(({ code, field }) => `${code} ${field?.join('.')}`)).toEqual([
      'INVALID baseUrl',
      'NOT_FOUND checks.1',
      'NOT_FOUND checks.3',
    ])
    expect((await smoke({ checks: [] })).userErrors).toMatchObject([{ code: 'INVALID', field: ['checks'] }])
    expect((await smoke({ checks: Array.from({ length: 201 }, () => 'a') })).userErrors).toMatchObject([{ code: 'LIMIT_EXCEEDED' }])
  })

  it('a second run at the same time', async () => {
    const payloads = await Promise.all([smoke(), smoke(), smoke()])
    expect(payloads.filter(({ run }) => run !== null)).toHaveLength(1)
    expect(payloads.flatMap(({ userErrors }) => userErrors.map(({ code }) => code))).toEqual(['INVALID_STATE', 'INVALID_STATE'])
    expect((await runOf({ checks: ['liveness'] })).isOk).toBe(true)
  })

  it('every spelling of what is inside, and sends nothing', async () => {
    const before = sink.requests.length
    const blocked = await startSink()
    try {
      for (const host of INSIDE_SPELLINGS) {
        const { data, errors } = await server.gql(RUN_SMOKE_TEST, {
          input: { baseUrl: `http://${host}:${blocked.port}`, checks: ['liveness'] },
        })
        const payload = (data as unknown as { runSmokeTest: RunPayload } | null | undefined)?.runSmokeTest
        // What is no URL at all does not even get to the check.
        if (payload) expect(payload).toMatchObject({ run: null, userErrors: [{ code: 'INVALID', field: ['baseUrl'] }] })
        else expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
      }
      expect(blocked.requests).toEqual([])
      expect(sink.requests).toHaveLength(before)
    } finally {
      await blocked.close()
    }
  })
})

describe('another origin', () => {
  it('that is allowed by its address is probed, without a key, and without what needs one', async () => {
    const before = sink.requests.length
    const { baseUrl, results } = await runOf({ baseUrl: sink.origin })
    expect(baseUrl).toBe(`${sink.origin}/`)
    const skipped = results.filter(({ status }) => status === 'SKIPPED').map(({ name }) => name)
    expect(skipped.sort()).toEqual(NAMES.filter((name) => !['liveness', 'readiness', 'unauthenticated-query'].includes(name)).sort())
    const requests = sink.requests.slice(before)
    expect(requests.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(['GET /livez', 'GET /readyz', 'POST /graphql'])
    expect(requests.filter(({ headers }) => headers.authorization !== undefined || headers['x-api-key'] !== undefined)).toEqual([])
    expect(JSON.stringify(results)).not.toContain('from the inside')
  })

  it('that is allowed by a name is not probed when the name leads inside', async () => {
    const before = sink.requests.length
    const { isOk, results } = await runOf({ baseUrl: `http://localhost:${sink.port}`, checks: ['liveness'] })
    expect({ isOk, statuses: results.map(({ status }) => status) }).toEqual({ isOk: false, statuses: ['FAILED'] })
    expect(results[0]?.error).toMatch(/not an ordinary one of the internet.*SMOKE_ALLOWED_ORIGINS/)
    expect(sink.requests).toHaveLength(before)
  })
})

describe('runs', () => {
  const page = async (args: string) =>
    dataOf<{ smokeTestRuns: { nodes: { id: string }[]; totalCount: number; pageInfo: { endCursor: string; hasNextPage: boolean } } }>(
      await server.gql(`{ smokeTestRuns(${args}) { nodes { id } totalCount pageInfo { endCursor hasNextPage } } }`),
    ).smokeTestRuns

  it('are kept, newest first, in pages', async () => {
    const made = [
      (await runOf({ checks: ['liveness'] })).id,
      (await runOf({ checks: ['liveness'] })).id,
      (await runOf({ checks: ['liveness'] })).id,
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
    const run = await runOf({ checks: ['liveness', 'database'] })
    expect(dataOf(await server.gql(`{ smokeTestRun(id: "${run.id}") { ${RUN} } }`))).toEqual({ smokeTestRun: run })
    for (const id of ['', 'nonsense', '01a2051b-a9ac-728c-b915-4dd50679f428'])
      expect(dataOf(await server.gql('query ($id: ID!) { smokeTestRun(id: $id) { id } }', { id }))).toEqual({ smokeTestRun: null })
  })

  it('are kept up to a thousand', async () => {
    const { pool } = server.services.database
    await pool.query(`INSERT INTO smoke_test_runs (id, base_url, is_ok, started_at, finished_at, duration_ms, results)
      SELECT '00000000-0000-7000-8000-' || lpad(i::text, 12, '0'), 'http://x', true, now(), now(), 1, '[]' FROM generate_series(1, 1005) i`)
    const { id } = await runOf({ checks: ['liveness'] })
    const { nodes, totalCount } = await page('first: 1')
    expect({ newest: nodes[0]?.id, totalCount }).toEqual({ newest: id, totalCount: 1_000 })
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
    await addCheck({ name: 'last', kind: 'HTTP', path: '/slow' })
    try {
      // One check waits until we let it go.
      const { service } = server.services
      const door = service.door
      service.open({ ...door, url: slow.origin })
      const running = runOf({ checks: ['database', 'last'] })
      let runId = ''
      await until(async () => {
        const { smokeTestRuns } = dataOf<{ smokeTestRuns: { nodes: Run[] } }>(
          await server.gql(`{ smokeTestRuns(first: 1) { nodes { ${RUN} } } }`),
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
    await addCheck({ name: 'flags', kind: 'GRAPHQL', query: '{ featureFlags { totalCount } }' })
    const permissionsFor = async (...checks: string[]) =>
      (await watchKeys(() => runOf({ checks }))).map(({ holder }) => [...holder.permissions].sort())
    expect(await permissionsFor('liveness', 'database')).toEqual([[]])
    expect(await permissionsFor('graphql', 'authenticated-query', 'unauthenticated-query', 'subscription')).toEqual([[]])
    expect(await permissionsFor('flag-evaluation', 'flags')).toEqual([['flags:evaluate', 'flags:read']])
    expect(await permissionsFor('config-round-trip')).toEqual([['config:write', 'operations:run']])
  })

  it('may do nothing that an OPERATOR may not, whatever its checks ask for', async () => {
    const { services } = server
    const permissions = { ...services.permissions, OPERATOR: new Set(['flags:evaluate'] as const) }
    const keys = await watchKeys(async () => issueRunKey({ ...services, permissions }, BUILT_IN_CHECKS).revoke())
    expect(keys.map(({ holder }) => [...holder.permissions])).toEqual([['flags:evaluate']])
  })

  it('is made for this service alone', async () => {
    expect(await watchKeys(() => runOf({ baseUrl: sink.origin }))).toEqual([])
  })

  it('works no longer than the run, and appears nowhere', async () => {
    await addCheck({ name: 'broken', kind: 'GRAPHQL', query: '{ viewer { role } }', expectBody: { data: 1 } })
    const answers: unknown[] = []
    const keys = await watchKeys(async () => {
      answers.push(await runOf(), await runOf({ checks: ['broken'] }))
    })
    expect(keys).toHaveLength(2)
    const { pool } = server.services.database
    const { rows: tables } = await pool.query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`)
    const dumps = await Promise.all(tables.map(({ name }) => pool.query(`SELECT t::text AS row FROM "${name}" t`)))
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
    await runOf()
    expect(dataOf<{ apiClients: { totalCount: number } }>(await clients()).apiClients.totalCount).toBe(before.apiClients.totalCount)
    expect(server.services.usage.lastAt('client', 'smoke-test')).toBe(null)
  })
})

describe('who may', () => {
  it.each([
    ['EVALUATOR', { deploymentProfile: false, smokeChecks: false, runSmokeTest: false, setSmokeCheck: false }],
    ['OBSERVER', { deploymentProfile: true, smokeChecks: true, runSmokeTest: false, setSmokeCheck: false }],
    ['OPERATOR', { deploymentProfile: true, smokeChecks: true, runSmokeTest: true, setSmokeCheck: true }],
  ] as const)('%s', async (role, expected) => {
    const { key } = await server.addClient({ role, name: `a ${role}` })
    const documents = {
      deploymentProfile: '{ deploymentProfile { version } }',
      smokeChecks: '{ smokeChecks { name } smokeTestRuns { totalCount } smokeTestRun(id: "x") { id } }',
      runSmokeTest: 'mutation { runSmokeTest(input: { checks: ["liveness"] }) { run { isOk } } }',
      setSmokeCheck:
        'mutation { setSmokeCheck(input: { name: "x", kind: HTTP }) { revision } deleteSmokeCheck(input: { name: "x" }) { revision } }',
    }
    for (const [name, document] of Object.entries(documents)) {
      const { errors } = await server.gql(document, {}, { key })
      const codes = [...new Set(errors?.map(({ extensions }) => extensions?.['code']))]
      expect({ name, codes }).toEqual({ name, codes: expected[name as keyof typeof expected] ? [] : ['FORBIDDEN'] })
    }
  })
})
