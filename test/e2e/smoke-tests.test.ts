import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN_CHECKS } from '../../src/packs/deployment/probes/built-in-checks.js'
import { INSIDE_SPELLINGS } from '../testkit/inside-spellings.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { type Sink, startSink } from '../testkit/sink.js'
import { dataOf, RUN_SMOKE_TEST, type SmokeRunPayload, SmokeTester } from '../testkit/smoke-tester.js'

const NAMES = BUILT_IN_CHECKS.map(({ name }) => name)

let server: TestServer
let sink: Sink
let tester: SmokeTester
beforeAll(async () => {
  sink = await startSink()
  server = await startTestServer({
    SMOKE_ALLOWED_ORIGINS: `${sink.origin},http://localhost:${sink.port}`,
    VALHALLA_PUBLIC_URL: 'https://control.example.com/valhalla',
    VALHALLA_ENV: 'staging',
    VALHALLA_REGION: 'eu-west-1',
  })
  tester = new SmokeTester(server)
})
afterEach(() => tester.removeChecks())
afterAll(async () => {
  await server.close()
  await sink.close()
})

describe('the smoke test of a healthy server', () => {
  it('passes every check, each time', async () => {
    for (let round = 0; round < 3; round += 1) {
      const run = await tester.runOf()
      expect(run.results.filter(({ status }) => status !== 'PASSED')).toEqual([])
      expect(run.results.map(({ name }) => name).sort()).toEqual([...NAMES].sort())
      expect(run).toMatchObject({ isOk: true, baseUrl: `${server.url}/`, triggeredBy: { name: 'first admin' } })
    }
  })

  it('has a smoke result with status code and error for each check (seed: per-result detail)', async () => {
    await tester.addCheck({ name: 'nowhere', kind: 'HTTP', path: '/nowhere' })
    const { results } = await tester.runOf({ checks: ['liveness', 'unauthenticated-query', 'subscription', 'database', 'nowhere'] })
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
    await tester.addCheck({ name: 'optional', kind: 'HTTP', path: '/nowhere', isBlocking: false })
    const lenient = await tester.runOf({ checks: ['liveness', 'optional'] })
    expect({ isOk: lenient.isOk, statuses: lenient.results.map(({ status }) => status).sort() }).toEqual({
      isOk: true,
      statuses: ['FAILED', 'PASSED'],
    })
    await tester.addCheck({ name: 'needed', kind: 'HTTP', path: '/nowhere' })
    expect((await tester.runOf({ checks: ['liveness', 'needed'] })).isOk).toBe(false)
  })

  it('changes nothing, and leaves nothing under smoke/', async () => {
    const before = server.services.ledger.snapshot.revision
    await tester.runOf({ checks: ['config-round-trip'] })
    expect(server.services.ledger.snapshot.revision).toBe(before)
    expect(dataOf(await server.gql('{ configs(filter: { prefix: "smoke/" }) { totalCount } }'))).toEqual({ configs: { totalCount: 0 } })
  })

  it.each(['READ_ONLY', 'MAINTENANCE'])('can be run in %s mode, which refuses none of its checks', async (mode) => {
    const set = (to: string) => server.gql(`mutation { setMaintenanceMode(input: { mode: ${to} }) { userErrors { code } } }`)
    await set(mode)
    try {
      const { isOk, results } = await tester.runOf()
      expect(isOk).toBe(true)
      expect(results.filter(({ status }) => status !== 'PASSED')).toEqual([])
    } finally {
      await set('NORMAL')
    }
  })
})

describe('a custom check', () => {
  it('of GraphQL is let in to what its query needs', async () => {
    await tester.addCheck({
      name: 'packs',
      kind: 'GRAPHQL',
      query: 'query { ...F } fragment F on Query { systemStatus { version } packs { id } apiClients { totalCount } }',
      expectBody: { data: { systemStatus: {} } },
    })
    expect((await tester.runOf({ checks: ['packs'] })).results).toMatchObject([{ name: 'packs', status: 'PASSED', statusCode: 200 }])
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
    await tester.addCheck({ name: 'broken', ...check })
    const { isOk, results } = await tester.runOf({ checks: ['broken'] })
    expect(isOk).toBe(false)
    expect(results).toMatchObject([{ name: 'broken', status: 'FAILED' }])
    expect(results[0]?.error).toMatch(error)
  })

  it('may expect an error of GraphQL', async () => {
    await tester.addCheck({ name: 'bad-query', kind: 'GRAPHQL', query: '{ nothingOfThisName }', expectStatus: 400 })
    expect((await tester.runOf({ checks: ['bad-query'] })).isOk).toBe(true)
  })

  it('that is switched off is not run, and skipped when it is asked for', async () => {
    await tester.addCheck({ name: 'off', kind: 'HTTP', path: '/nowhere', isEnabled: false })
    expect((await tester.runOf()).results.map(({ name }) => name)).not.toContain('off')
    expect((await tester.runOf({ checks: ['off'] })).results).toMatchObject([{ name: 'off', status: 'SKIPPED', latencyMs: null }])
  })

  it('is listed behind the built-in ones', async () => {
    await tester.addCheck({ name: 'zzz', kind: 'HTTP', path: '/' })
    await tester.addCheck({ name: 'aaa', kind: 'GRAPHQL', query: '{ __typename }' })
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
    await tester.removeChecks('by-step')
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
      const { isOk, results } = await tester.runOf({ checks: ['subscription'] })
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
    await tester.addCheck({ name: 'nowhere', kind: 'HTTP', path: '/nowhere' })
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
    const { run, userErrors } = await tester.smoke({
      baseUrl: 'http://evil.example',
      checks: ['liveness', 'nothing', 'database', 'neither'],
    })
    expect(run).toBe(null)
    expect(userErrors.map(({ code, field }) => `${code} ${field?.join('.')}`)).toEqual([
      'INVALID baseUrl',
      'NOT_FOUND checks.1',
      'NOT_FOUND checks.3',
    ])
    expect((await tester.smoke({ checks: [] })).userErrors).toMatchObject([{ code: 'INVALID', field: ['checks'] }])
    expect((await tester.smoke({ checks: Array.from({ length: 201 }, () => 'a') })).userErrors).toMatchObject([{ code: 'LIMIT_EXCEEDED' }])
  })

  it('a second run at the same time', async () => {
    const payloads = await Promise.all([tester.smoke(), tester.smoke(), tester.smoke()])
    expect(payloads.filter(({ run }) => run !== null)).toHaveLength(1)
    expect(payloads.flatMap(({ userErrors }) => userErrors.map(({ code }) => code))).toEqual(['INVALID_STATE', 'INVALID_STATE'])
    expect((await tester.runOf({ checks: ['liveness'] })).isOk).toBe(true)
  })

  it('every spelling of what is inside, and sends nothing', async () => {
    const before = sink.requests.length
    const blocked = await startSink()
    try {
      for (const host of INSIDE_SPELLINGS) {
        const { data, errors } = await server.gql(RUN_SMOKE_TEST, {
          input: { baseUrl: `http://${host}:${blocked.port}`, checks: ['liveness'] },
        })
        const payload = (data as unknown as { runSmokeTest: SmokeRunPayload } | null | undefined)?.runSmokeTest
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
    const { baseUrl, results } = await tester.runOf({ baseUrl: sink.origin })
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
    const { isOk, results } = await tester.runOf({ baseUrl: `http://localhost:${sink.port}`, checks: ['liveness'] })
    expect({ isOk, statuses: results.map(({ status }) => status) }).toEqual({ isOk: false, statuses: ['FAILED'] })
    expect(results[0]?.error).toMatch(/not an ordinary one of the internet.*SMOKE_ALLOWED_ORIGINS/)
    expect(sink.requests).toHaveLength(before)
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
