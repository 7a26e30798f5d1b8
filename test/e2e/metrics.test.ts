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

  it('tell the revision, the size of commits and the digest that the chain ends with', async () => {
    const before = await samples('valhalla_commits_total')
    const counted = await samples('valhalla_commit_changes_count')
    await server.gql('mutation { setFeatureFlag(input: { key: "counted" }) { revision } }')
    const { revision, digest } = server.services.ledger.snapshot
    expect(await samples('valhalla_revision')).toEqual({ '': revision })
    expect(await samples('valhalla_head_digest_info')).toEqual({ [`{digest="${digest}",revision="${revision}"}`]: 1 })
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
})
