import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Fault, RuleKeeper } from '../../../test/testkit/rate-limit-rules.js'
import { startTestServer, type TestServer } from '../../../test/testkit/server.js'

const CONSUME = `mutation ($input: ConsumeRateLimitInput!) {
  consumeRateLimit(input: $input) { decision { isAllowed limit remaining ruleId isShadow retryAfterSeconds } userErrors { code field } }
}`
const CLIENT = '01900000-0000-7000-8000-000000000001'
const MISSING = '01900000-0000-7000-8000-00000000ffff'

let server: TestServer
let rules: RuleKeeper

beforeAll(async () => {
  server = await startTestServer()
  rules = new RuleKeeper(server)
})
afterAll(() => server.close())
beforeEach(() => rules.replace([]))

describe('rules and counters', () => {
  it('are listed by scope, key and switch, in pages', async () => {
    const ids: (string | undefined)[] = []
    for (const input of [{ scope: 'IP' }, { scope: 'IP', key: '2001:db8::1', isEnabled: false }, { scope: 'API_KEY', key: CLIENT }]) {
      ids.push((await rules.set({ maxRequests: 1_000, ...input })).rateLimitRule?.id)
    }
    const list = async (filter: object | null, page = '') => {
      const query = `query ($filter: RateLimitRuleFilter) { rateLimitRules(filter: $filter${page}) { nodes { id } totalCount pageInfo { hasNextPage endCursor } } }`
      return rules.call<{ nodes: { id: string }[]; totalCount: number; pageInfo: { hasNextPage: boolean; endCursor: string } }>(query, {
        filter,
      })
    }
    const idsOf = async (filter: object | null) => (await list(filter)).nodes.map(({ id }) => id)
    expect(await idsOf(null)).toEqual(ids)
    expect(await idsOf({ scope: 'IP' })).toEqual([ids[0], ids[1]])
    expect(await idsOf({ key: '*' })).toEqual([ids[0]])
    expect(await idsOf({ key: '2001:0db8::/64' })).toEqual([ids[1]])
    expect(await idsOf({ isEnabled: false })).toEqual([ids[1]])
    const first = await list(null, ', first: 2')
    expect([first.nodes.length, first.totalCount, first.pageInfo.hasNextPage]).toEqual([2, 3, true])
    expect((await list(null, `, first: 2, after: "${first.pageInfo.endCursor}"`)).nodes).toEqual([{ id: ids[2] }])
  })

  it('show what was counted for whom, by rule and by subject', async () => {
    const set = [await rules.set({ scope: 'IP', maxRequests: 9 }), await rules.set({ scope: 'API_KEY', maxRequests: 8, isShadow: true })]
    const [byAddress, byKey] = set.map(({ rateLimitRule }) => rateLimitRule?.id ?? '')
    const row = {
      windowSeconds: 60,
      maxRequests: 9,
      currentCount: 3,
      deniedCount: 1,
      windowStartedAt: new Date(0),
      updatedAt: new Date(1_000),
    }
    const rows = [
      { ruleId: byAddress ?? '', scope: 'IP', key: '192.0.2.1', ...row },
      { ruleId: byAddress ?? '', scope: 'IP', key: '2001:db8::/64', ...row },
      { ruleId: byKey ?? '', scope: 'API_KEY', key: CLIENT, ...row, maxRequests: 8 },
      { ruleId: MISSING, scope: 'IP', key: '192.0.2.1', ...row },
    ]
    await server.services.database.askPrisma(({ rateLimitSnapshot }) =>
      rateLimitSnapshot.createMany({
        data: rows.map(({ ruleId, ...rest }) => ({ ...rest, ruleId: ruleId || MISSING })),
      }),
    )
    const list = async (filter: object | null, page = '') => {
      const query = `query ($filter: RateLimitSnapshotFilter) { rateLimitSnapshots(filter: $filter${page}) { nodes { id key deniedCount rule { maxRequests } } totalCount pageInfo { hasNextPage endCursor } } }`
      return rules.call<{
        nodes: { id: string; key: string; rule: object | null }[]
        totalCount: number
        pageInfo: { hasNextPage: boolean; endCursor: string }
      }>(query, { filter })
    }
    const keysOf = async (filter: object | null) => (await list(filter)).nodes.map(({ key }) => key).sort()
    expect(await keysOf({ scope: 'IP' })).toEqual(['192.0.2.1', '192.0.2.1', '2001:db8::/64'])
    expect(await keysOf({ key: '2001:DB8:0:0:1::' })).toEqual(['2001:db8::/64'])
    const all = await list(null)
    expect(all.totalCount).toBe(4)
    expect(all.nodes.find(({ id }) => id === `${byKey}:${CLIENT}`)).toEqual({
      id: `${byKey}:${CLIENT}`,
      key: CLIENT,
      deniedCount: 1,
      rule: { maxRequests: 8 },
    })
    expect(all.nodes.find(({ id }) => id === `${MISSING}:192.0.2.1`)?.rule).toBe(null)
    const first = await list(null, ', first: 3')
    expect([first.nodes.map(({ id }) => id), first.pageInfo.hasNextPage]).toEqual([all.nodes.slice(0, 3).map(({ id }) => id), true])
    expect((await list(null, `, first: 3, after: "${first.pageInfo.endCursor}"`)).nodes).toEqual(all.nodes.slice(3))
    const nested = await rules.call<{
      nodes: { id: string; snapshots: { nodes: { key: string }[]; totalCount: number; pageInfo: { endCursor: string } } }[]
    }>('{ rateLimitRules { nodes { id snapshots(first: 1) { nodes { key } totalCount pageInfo { endCursor } } } } }', {})
    expect(nested.nodes.map(({ snapshots }) => [snapshots.nodes, snapshots.totalCount])).toEqual([
      [[{ key: '192.0.2.1' }], 2],
      [[{ key: CLIENT }], 1],
    ])
    const after = nested.nodes[0]?.snapshots.pageInfo.endCursor
    const rest = await rules.call<{ snapshots: object }>(
      'query ($id: ID!, $after: String) { rateLimitRule(id: $id) { snapshots(after: $after) { nodes { key } } } }',
      { id: byAddress, after },
    )
    expect(rest.snapshots).toEqual({ nodes: [{ key: '2001:db8::/64' }] })
    const bad = await server.gql('{ rateLimitSnapshots(after: "bm9uZQ") { totalCount } }')
    expect(bad.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  })
})

describe('consumeRateLimit', () => {
  const consume = (input: object) => rules.call<{ decision: object | null; userErrors: Fault[] }>(CONSUME, { input })

  it('counts under the rule of the subject, and not at all without one', async () => {
    const rule = await rules.set({ scope: 'IP', maxRequests: 5 })
    const said = { limit: 5, ruleId: rule.rateLimitRule?.id, isShadow: false }
    expect(await consume({ scope: 'IP', key: '198.51.100.1', cost: 4 })).toEqual({
      decision: { ...said, isAllowed: true, remaining: 1, retryAfterSeconds: null },
      userErrors: [],
    })
    expect((await consume({ scope: 'IP', key: '::ffff:198.51.100.1' })).decision).toMatchObject({ isAllowed: true, remaining: 0 })
    expect((await consume({ scope: 'IP', key: '198.51.100.1' })).decision).toMatchObject({
      isAllowed: false,
      remaining: 0,
      retryAfterSeconds: expect.any(Number),
    })
    expect((await consume({ scope: 'IP', key: '198.51.100.2', cost: 6 })).decision).toMatchObject({
      isAllowed: false,
      remaining: 5,
      retryAfterSeconds: null,
    })
    expect((await consume({ scope: 'GLOBAL', key: '*' })).decision).toEqual({
      isAllowed: true,
      limit: null,
      remaining: null,
      ruleId: null,
      isShadow: false,
      retryAfterSeconds: null,
    })
  })

  it('means by a user alone one of the calling client, on the counters of X-Valhalla-User', async () => {
    await rules.set({ scope: 'USER', maxRequests: 4 })
    const headers = { 'x-valhalla-user': 'ann' }
    expect((await server.gql('{ __typename }', {}, { headers })).headers.get('ratelimit')).toContain('r=3')
    expect((await consume({ scope: 'USER', key: 'ann', cost: 3 })).decision).toMatchObject({ isAllowed: true, remaining: 0 })
    expect((await server.gql('{ __typename }', {}, { headers })).status).toBe(429)
    expect((await consume({ scope: 'USER', key: `${CLIENT}:ann` })).decision).toMatchObject({ isAllowed: true, remaining: 3 })
    expect((await consume({ scope: 'USER', key: 'Zoë \u0000' })).decision).toMatchObject({ isAllowed: true, remaining: 3 })
  })

  it('is never denied by a shadow rule, which tells what it would deny', async () => {
    await rules.set({ scope: 'IP', maxRequests: 1, isShadow: true })
    await consume({ scope: 'IP', key: '198.51.100.3' })
    expect((await consume({ scope: 'IP', key: '198.51.100.3' })).decision).toMatchObject({
      isAllowed: true,
      isShadow: true,
      remaining: 0,
      retryAfterSeconds: expect.any(Number),
    })
  })

  it('refuses what is no subject and what is no cost, together', async () => {
    const { decision, userErrors } = await consume({ scope: 'IP', key: '*', cost: 0 })
    expect([decision, userErrors.map(({ code, field }) => [code, field])]).toEqual([
      null,
      [
        ['INVALID', ['key']],
        ['INVALID', ['cost']],
      ],
    ])
    expect((await consume({ scope: 'USER', key: '' })).userErrors).toMatchObject([{ code: 'REQUIRED' }])
    expect((await consume({ scope: 'USER', key: '*' })).userErrors).toMatchObject([{ code: 'INVALID' }])
  })
})
