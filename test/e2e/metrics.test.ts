import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

async function metrics(key = server.adminKey): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  return { status: response.status, text: await response.text() }
}

/** The samples of one metric, by their labels. */
async function samples(name: string): Promise<Record<string, number>> {
  const { text } = await metrics()
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return Object.fromEntries(
    lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

describe('metrics', () => {
  it('need a key that may read them', async () => {
    expect((await fetch(`${server.url}/metrics`)).status).toBe(401)
    const evaluator = await server.addClient({ name: 'evaluator', role: 'EVALUATOR' })
    expect((await metrics(evaluator.key)).status).toBe(403)
    const observer = await server.addClient({ name: 'observer', role: 'OBSERVER' })
    expect((await metrics(observer.key)).status).toBe(200)
  })

  it('count calls by root field and outcome', async () => {
    const before = await samples('valhalla_requests_total')
    await server.gql('{ systemSummary { totalPacks } }')
    await server.gql('query Mine { mine: systemSummary { totalPacks } }')
    await server.gql('{ systemSummary { totalPacks } viewer { role } }')
    await server.gql('mutation { setFeatureFlag(input: { key: "Bad Key" }) { userErrors { code } } }')
    const { key } = await server.addClient({ name: 'another evaluator', role: 'EVALUATOR' })
    await server.gql('mutation { setFeatureFlag(input: { key: "good" }) { revision } }', {}, { key })
    await server.gql('{ nope }')
    await server.gql('{ viewer { role } }', {}, { key: null })
    const after = await samples('valhalla_requests_total')
    const grown = Object.fromEntries(
      Object.entries(after)
        .map(([labels, value]) => [labels, value - (before[labels] ?? 0)])
        .filter(([, value]) => value !== 0),
    )
    expect(grown).toEqual({
      '{operation="systemSummary",outcome="ok"}': 2,
      '{operation="multiple",outcome="ok"}': 1,
      '{operation="setFeatureFlag",outcome="user_error"}': 1,
      '{operation="setFeatureFlag",outcome="FORBIDDEN"}': 1,
      '{operation="none",outcome="GRAPHQL_VALIDATION_FAILED"}': 1,
      '{operation="none",outcome="UNAUTHENTICATED"}': 1,
    })
  })

  it('have no label that a client chooses', async () => {
    const before = Object.keys(await samples('valhalla_requests_total')).length
    for (let index = 0; index < 50; index += 1) {
      await server.gql(`query Name${index} { alias${index}: systemSummary { totalPacks } }`)
      await server.gql(`{ unknown${index} }`)
      await fetch(`${server.url}/graphql?x${index}`, { method: `PUT`, headers: { 'x-request-id': `id-${index}` } })
    }
    // At most one more: the method that is not allowed.
    expect(Object.keys(await samples('valhalla_requests_total')).length).toBeLessThanOrEqual(before + 1)
  })

  it('tell the revision and the size of commits, in no new series with each commit', async () => {
    const series = async (): Promise<readonly string[]> =>
      [...(await metrics()).text.matchAll(/^(valhalla_.*) \S+$/gm)].map(([, name = '']) => name)
    await server.gql('mutation { setFeatureFlag(input: { key: "counted", description: "before" }) { revision } }')
    await metrics()
    const seriesBefore = await series()
    const before = await samples('valhalla_commits_total')
    const counted = await samples('valhalla_commit_changes_count')
    await server.gql('mutation { setFeatureFlag(input: { key: "counted", description: "after" }) { revision } }')
    const { revision } = server.services.ledger.snapshot
    expect(await series()).toEqual(seriesBefore)
    expect(await samples('valhalla_revision')).toEqual({ '': revision })
    expect(await samples('valhalla_commits_total')).toEqual({ '': (before[''] ?? 0) + 1 })
    expect(await samples('valhalla_commit_changes_count')).toEqual({ '': (counted[''] ?? 0) + 1 })
    expect(await samples('valhalla_database_reachable')).toEqual({ '': 1 })
    expect(await samples('valhalla_snapshot_age_seconds')).toEqual({ '': 0 })
    expect(Object.keys(await samples('valhalla_event_loop_delay_seconds'))).toEqual([
      '{quantile="0.5"}',
      '{quantile="0.99"}',
      '{quantile="1"}',
    ])
  })

  it('tell how late the event loop is once', async () => {
    const names = [...(await metrics()).text.matchAll(/^# HELP (\S+)/gm)].map(([, name = '']) => name)
    expect(names.filter((name) => /event_?loop/.test(name))).toEqual(['valhalla_event_loop_delay_seconds'])
  })

  it('tell what runs here, and whether Redis is there to be reached', async () => {
    expect(Object.keys(await samples('valhalla_build_info'))).toEqual([
      expect.stringMatching(/^\{version="0\.1\.0",commit="(unknown|[0-9a-f]+)",node="\d+\.\d+\.\d+"\}$/),
    ])
    expect(await samples('valhalla_rate_limit_redis_configured')).toEqual({ '': 0 })
    expect(await samples('valhalla_rate_limit_redis_reachable')).toEqual({ '': 0 })
  })

  it('tell the maintenance mode in force', async () => {
    const modes = (normal: number, readOnly: number) => ({
      '{mode="NORMAL"}': normal,
      '{mode="READ_ONLY"}': readOnly,
      '{mode="MAINTENANCE"}': 0,
    })
    expect(await samples('valhalla_maintenance_mode')).toEqual(modes(1, 0))
    await server.gql('mutation { setMaintenanceMode(input: { mode: READ_ONLY, reason: "a look" }) { revision } }')
    expect(await samples('valhalla_maintenance_mode')).toEqual(modes(0, 1))
    await server.gql('mutation { setMaintenanceMode(input: { mode: NORMAL }) { revision } }')
  })

  it('tell what smoke tests came to', async () => {
    expect(await samples('valhalla_smoke_last_success_timestamp_seconds')).toEqual({})
    const { data } = await server.gql('mutation { runSmokeTest(input: { checks: ["liveness"] }) { run { isOk results { status } } } }')
    expect(data).toEqual({ runSmokeTest: { run: { isOk: true, results: [{ status: 'PASSED' }] } } })
    expect(await samples('valhalla_smoke_runs_total')).toEqual({
      '{outcome="passed"}': 1,
      '{outcome="failed"}': 0,
      '{outcome="abandoned"}': 0,
    })
    expect(await samples('valhalla_smoke_checks_total')).toEqual({
      '{outcome="passed"}': 1,
      '{outcome="failed"}': 0,
      '{outcome="skipped"}': 0,
    })
    const at = (await samples('valhalla_smoke_last_success_timestamp_seconds'))[''] ?? 0
    expect(at).toBeGreaterThan(server.services.service.startedAt.getTime() / 1000)
  })

  it('tell the findings of the last security snapshot', async () => {
    expect(await samples('valhalla_security_findings')).toEqual({})
    const { data } = await server.gql('{ securitySnapshot { findings { severity } } }')
    const { findings } = (data as unknown as { readonly securitySnapshot: { readonly findings: readonly { readonly severity: string }[] } })
      .securitySnapshot
    const count = (severity: string) => findings.filter((each) => each.severity === severity).length
    expect(await samples('valhalla_security_findings')).toEqual({
      '{severity="info"}': count('INFO'),
      '{severity="warning"}': count('WARNING'),
      '{severity="critical"}': count('CRITICAL'),
    })
  })

  it('tell evaluations by flag and outcome, of a hundred flags by name and of no flag that a client makes up', async () => {
    const keys = Array.from({ length: 120 }, (_, index) => `tallied/${String(index).padStart(3, '0')}`)
    const steps = keys.map((key) => `{ setFeatureFlag: { key: "${key}", group: "tallied", isEnabled: ${!key.endsWith('1')} } }`)
    for (const part of [steps.slice(0, 60), steps.slice(60)]) {
      const { data } = await server.gql(
        `mutation { runAdminOperation(input: { reason: "many", steps: [${part.join(' ')}] }) { revision } }`,
      )
      expect(data).toEqual({ runAdminOperation: { revision: server.services.ledger.snapshot.revision } })
    }
    await server.gql('{ evaluateFlags(group: "tallied") { isEnabled } }')
    await server.gql('{ isFeatureEnabled(key: "tallied/000") a: isFeatureEnabled(key: "made.up") b: isFeatureEnabled(key: "made.up.too") }')
    const counted = await samples('valhalla_flag_evaluations_total')
    expect(counted['{flag="tallied/000",outcome="on"}']).toBe(2)
    expect(counted['{flag="tallied/001",outcome="off"}']).toBe(1)
    expect(counted['{flag="all others",outcome="on"}']).toBe(18)
    expect(counted['{flag="all others",outcome="off"}']).toBe(2)
    expect(counted['{flag="all others",outcome="missing"}']).toBe(2)
    expect(Object.keys(counted)).toHaveLength(103)
  })
})
