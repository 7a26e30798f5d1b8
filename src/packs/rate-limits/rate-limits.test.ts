import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ruleWith } from '../../../test/testkit/limits.js'
import { startTestServer, type TestServer } from '../../../test/testkit/server.js'
import { type Command, done } from '../../core/state/command.js'
import { type RateLimitRuleRecord, rateLimitRules } from './rate-limit-rule.collection.js'

const SET = `mutation ($input: SetRateLimitRuleInput!) {
  setRateLimitRule(input: $input) {
    rateLimitRule { id scope key windowSeconds maxRequests isEnabled isShadow description version lastChange { operation reason actor { name } } }
    userErrors { code field message } revision
  }
}`
const DELETE = `mutation ($input: DeleteRateLimitRuleInput!) { deleteRateLimitRule(input: $input) { deletedId userErrors { code field } revision } }`
const REVERT =
  'mutation ($revision: Int!) { revertRevision(input: { revision: $revision }) { revision userErrors { code field message } } }'
const CONSUME = `mutation ($input: ConsumeRateLimitInput!) {
  consumeRateLimit(input: $input) { decision { isAllowed limit remaining ruleId isShadow retryAfterSeconds } userErrors { code field } }
}`
const CLIENT = '01900000-0000-7000-8000-000000000001'
const MISSING = '01900000-0000-7000-8000-00000000ffff'

type Fault = { readonly code: string; readonly field: readonly string[] | null; readonly message: string }
interface SetPayload {
  readonly rateLimitRule: (RateLimitRuleRecord & { readonly lastChange: object }) | null
  readonly userErrors: readonly Fault[]
  readonly revision: number | null
}

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())
beforeEach(() => replaceRules([]))

/** Puts just these rules straight into the state. */
async function replaceRules(rules: readonly RateLimitRuleRecord[]): Promise<void> {
  const command: Command<object, null> = {
    name: 'replaceRules',
    pack: 'UC',
    isRevertible: false,
    run(draft) {
      for (const { id } of [...draft.view(rateLimitRules).values()]) draft.delete(rateLimitRules, id)
      for (const rule of rules) draft.put(rateLimitRules, rule)
      return done(null)
    },
  }
  const caller = { id: 'system', name: 'system', clientType: null, role: null, permissions: new Set<string>() }
  await server.services.ledger.commit({ command, input: {}, caller, correlationId: 'test' })
}

async function call<T>(query: string, variables: object, key?: string): Promise<T> {
  const { data, errors } = await server.gql(query, { ...variables }, key === undefined ? {} : { key })
  expect(errors).toBe(undefined)
  const payload: unknown = Object.values(data ?? {})[0]
  return payload as T
}

const set = (input: object): Promise<SetPayload> => call(SET, { input })
const faultsOf = ({ userErrors }: { userErrors: readonly Fault[] }) => userErrors.map(({ code, field }) => [code, field?.join('.') ?? null])

describe('setRateLimitRule', () => {
  it('makes a rule of 60 units in 60 seconds for each subject, if not told otherwise, and says so in the log', async () => {
    const { rateLimitRule, userErrors, revision } = await set({ scope: 'IP', reason: 'a flood' })
    expect(userErrors).toEqual([])
    expect(revision).toBe(server.services.ledger.snapshot.revision)
    const blank = {
      scope: 'IP',
      key: '*',
      windowSeconds: 60,
      maxRequests: 60,
      isEnabled: true,
      isShadow: false,
      description: null,
      version: 1,
    }
    expect(rateLimitRule).toMatchObject({ ...blank, lastChange: { operation: 'setRateLimitRule', reason: 'a flood' } })
  })

  it('changes what it names of the rule that there is, and nothing when it is so already', async () => {
    const first = await set({ scope: 'GLOBAL', maxRequests: 5_000, description: 'for now' })
    const second = await set({ scope: 'GLOBAL', windowSeconds: 10, isShadow: true })
    expect(second.rateLimitRule).toMatchObject({
      id: first.rateLimitRule?.id,
      maxRequests: 5_000,
      windowSeconds: 10,
      isShadow: true,
      description: 'for now',
      version: 2,
    })
    const third = await set({ scope: 'GLOBAL', windowSeconds: 10 })
    expect([third.rateLimitRule?.version, third.revision]).toEqual([2, null])
    expect((await set({ scope: 'GLOBAL', description: null })).rateLimitRule?.description).toBe(null)
  })

  it.each([
    ['IP', '2001:DB8:0:1:ffff::1', '2001:db8:0:1::/64'],
    ['IP', '2001:db8:0:1::/64', '2001:db8:0:1::/64'],
    ['IP', '::ffff:192.0.2.1', '192.0.2.1'],
    ['API_KEY', CLIENT.toUpperCase(), CLIENT],
    ['USER', `${CLIENT}:ann@example.com`, `${CLIENT}:ann@example.com`],
    ['GLOBAL', '*', '*'],
  ])('knows a subject of %s however it is written: %s', async (scope, key, stored) => {
    const { rateLimitRule } = await set({ scope, key, maxRequests: 1_000 })
    expect(rateLimitRule?.key).toBe(stored)
    expect((await set({ scope, key: stored, maxRequests: 1_000 })).revision).toBe(null)
  })

  it.each([
    ['IP', 'example.com', 'INVALID'],
    ['IP', '2001:db8::/48', 'INVALID'],
    ['IP', '', 'REQUIRED'],
    ['API_KEY', 'weweb', 'INVALID'],
    ['USER', 'ann', 'INVALID'],
    ['USER', `${CLIENT}:`, 'INVALID'],
    ['USER', `${CLIENT}:${'x'.repeat(201)}`, 'INVALID'],
    ['GLOBAL', '192.0.2.1', 'INVALID'],
  ])('refuses what is no subject of %s: "%s"', async (scope, key, code) => {
    const payload = await set({ scope, key })
    expect([payload.rateLimitRule, payload.revision, faultsOf(payload)]).toEqual([null, null, [[code, 'key']]])
  })

  it('reports every fault at once, and changes nothing', async () => {
    const before = server.services.ledger.snapshot.revision
    const payload = await set({
      scope: 'IP',
      key: 'x',
      windowSeconds: 0,
      maxRequests: 1_000_000_001,
      isEnabled: null,
      isShadow: null,
      description: 'x'.repeat(2_001),
    })
    expect(faultsOf(payload).sort()).toEqual([
      ['INVALID', 'description'],
      ['INVALID', 'isEnabled'],
      ['INVALID', 'isShadow'],
      ['INVALID', 'key'],
      ['INVALID', 'maxRequests'],
      ['INVALID', 'windowSeconds'],
    ])
    expect(faultsOf(await set({ scope: 'IP', windowSeconds: 2_678_401, maxRequests: 0 }))).toEqual([
      ['INVALID', 'windowSeconds'],
      ['INVALID', 'maxRequests'],
    ])
    expect(server.services.ledger.snapshot.revision).toBe(before)
    expect((await set({ scope: 'IP', windowSeconds: 2_678_400, maxRequests: 1_000_000_000 })).userErrors).toEqual([])
  })

  it('of a stale version changes nothing', async () => {
    await set({ scope: 'IP', expectedVersion: 0, maxRequests: 1_000 })
    expect(faultsOf(await set({ scope: 'IP', expectedVersion: 0, maxRequests: 2_000 }))).toEqual([['STALE_VERSION', 'expectedVersion']])
    expect(faultsOf(await set({ scope: 'IP', expectedVersion: 2, maxRequests: 2_000 }))).toEqual([['STALE_VERSION', 'expectedVersion']])
    expect((await set({ scope: 'IP', expectedVersion: 1, maxRequests: 2_000 })).rateLimitRule).toMatchObject({
      version: 2,
      maxRequests: 2_000,
    })
  })

  it('makes no more than 10,000 rules, but goes on changing those that there are', async () => {
    await replaceRules(Array.from({ length: 10_000 }, (_, index) => ruleWith({ scope: 'IP', key: `10.0.${index >> 8}.${index & 255}` })))
    const payload = await set({ scope: 'IP', key: '192.0.2.1' })
    expect([payload.rateLimitRule, faultsOf(payload)]).toEqual([null, [['LIMIT_EXCEEDED', null]]])
    const changed = await set({ scope: 'IP', key: '10.0.0.1', maxRequests: 7 })
    expect(changed.rateLimitRule).toMatchObject({ maxRequests: 7, version: 2 })

    // Not by a revert either.
    const { revision } = await call<{ revision: number }>(DELETE, { input: { id: changed.rateLimitRule?.id } })
    expect((await set({ scope: 'IP', key: '192.0.2.1' })).userErrors).toEqual([])
    const reverted = await call<{ revision: null; userErrors: Fault[] }>(REVERT, { revision })
    expect(reverted).toMatchObject({ revision: null, userErrors: [{ code: 'INVALID_STATE', field: ['revision'] }] })
    expect(reverted.userErrors[0]?.message).toContain('more than 10000 rules')
  })
})

describe('deleteRateLimitRule', () => {
  it('deletes a rule of the expected version, once', async () => {
    const id = (await set({ scope: 'IP', maxRequests: 1_000 })).rateLimitRule?.id
    const nothing = { deletedId: null, revision: null }
    expect(await call(DELETE, { input: { id, expectedVersion: 2 } })).toEqual({
      ...nothing,
      userErrors: [{ code: 'STALE_VERSION', field: ['expectedVersion'] }],
    })
    expect(await call(DELETE, { input: { id, expectedVersion: 1 } })).toEqual({
      deletedId: id,
      userErrors: [],
      revision: server.services.ledger.snapshot.revision,
    })
    expect(await call(DELETE, { input: { id } })).toEqual({ ...nothing, userErrors: [{ code: 'NOT_FOUND', field: ['id'] }] })
    expect(await call('query ($id: ID!) { rateLimitRule(id: $id) { id } }', { id })).toBe(null)
  })
})

describe('rules and counters', () => {
  it('are listed by scope, key and switch, in pages', async () => {
    const ids: (string | undefined)[] = []
    for (const input of [{ scope: 'IP' }, { scope: 'IP', key: '2001:db8::1', isEnabled: false }, { scope: 'API_KEY', key: CLIENT }]) {
      ids.push((await set({ maxRequests: 1_000, ...input })).rateLimitRule?.id)
    }
    const list = async (filter: object | null, page = '') => {
      const query = `query ($filter: RateLimitRuleFilter) { rateLimitRules(filter: $filter${page}) { nodes { id } totalCount pageInfo { hasNextPage endCursor } } }`
      return call<{ nodes: { id: string }[]; totalCount: number; pageInfo: { hasNextPage: boolean; endCursor: string } }>(query, { filter })
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
    const rules = [await set({ scope: 'IP', maxRequests: 9 }), await set({ scope: 'API_KEY', maxRequests: 8, isShadow: true })]
    const [byAddress, byKey] = rules.map(({ rateLimitRule }) => rateLimitRule?.id ?? '')
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
    await server.services.database.prisma.rateLimitSnapshot.createMany({
      data: rows.map(({ ruleId, ...rest }) => ({ ...rest, ruleId: ruleId || MISSING })),
    })
    const list = async (filter: object | null, page = '') => {
      const query = `query ($filter: RateLimitSnapshotFilter) { rateLimitSnapshots(filter: $filter${page}) { nodes { id key deniedCount rule { maxRequests } } totalCount pageInfo { hasNextPage endCursor } } }`
      return call<{
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
    const nested = await call<{
      nodes: { id: string; snapshots: { nodes: { key: string }[]; totalCount: number; pageInfo: { endCursor: string } } }[]
    }>('{ rateLimitRules { nodes { id snapshots(first: 1) { nodes { key } totalCount pageInfo { endCursor } } } } }', {})
    expect(nested.nodes.map(({ snapshots }) => [snapshots.nodes, snapshots.totalCount])).toEqual([
      [[{ key: '192.0.2.1' }], 2],
      [[{ key: CLIENT }], 1],
    ])
    const after = nested.nodes[0]?.snapshots.pageInfo.endCursor
    const rest = await call<{ snapshots: object }>(
      'query ($id: ID!, $after: String) { rateLimitRule(id: $id) { snapshots(after: $after) { nodes { key } } } }',
      { id: byAddress, after },
    )
    expect(rest.snapshots).toEqual({ nodes: [{ key: '2001:db8::/64' }] })
    const bad = await server.gql('{ rateLimitSnapshots(after: "bm9uZQ") { totalCount } }')
    expect(bad.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  })
})

describe('consumeRateLimit', () => {
  const consume = (input: object) => call<{ decision: object | null; userErrors: Fault[] }>(CONSUME, { input })

  it('counts under the rule of the subject, and not at all without one', async () => {
    const rule = await set({ scope: 'IP', maxRequests: 5 })
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
    await set({ scope: 'USER', maxRequests: 4 })
    const headers = { 'x-valhalla-user': 'ann' }
    expect((await server.gql('{ __typename }', {}, { headers })).headers.get('ratelimit')).toContain('r=3')
    expect((await consume({ scope: 'USER', key: 'ann', cost: 3 })).decision).toMatchObject({ isAllowed: true, remaining: 0 })
    expect((await server.gql('{ __typename }', {}, { headers })).status).toBe(429)
    expect((await consume({ scope: 'USER', key: `${CLIENT}:ann` })).decision).toMatchObject({ isAllowed: true, remaining: 3 })
    expect((await consume({ scope: 'USER', key: 'Zoë \u0000' })).decision).toMatchObject({ isAllowed: true, remaining: 3 })
  })

  it('is never denied by a shadow rule, which tells what it would deny', async () => {
    await set({ scope: 'IP', maxRequests: 1, isShadow: true })
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

describe('who may', () => {
  it.each([
    ['read rules', '{ rateLimitRules { totalCount } }', ['OBSERVER', 'OPERATOR']],
    ['read counters', '{ rateLimitSnapshots { totalCount } }', ['OBSERVER', 'OPERATOR']],
    ['set rules', 'mutation { setRateLimitRule(input: { scope: IP, maxRequests: 1000 }) { revision } }', ['OPERATOR']],
    ['delete rules', 'mutation { deleteRateLimitRule(input: { id: "none" }) { revision } }', ['OPERATOR']],
    ['count', 'mutation { consumeRateLimit(input: { scope: GLOBAL, key: "*" }) { decision { isAllowed } } }', ['OPERATOR']],
    ['see their own limits', '{ viewer { rateLimits { limit } } }', ['EVALUATOR', 'OBSERVER', 'OPERATOR']],
  ])('%s', async (_, query, allowed) => {
    const seen: string[] = []
    for (const role of ['EVALUATOR', 'OBSERVER', 'OPERATOR'] as const) {
      const { client, key } = await server.addClient({ name: `a ${role}`, role })
      const { status, errors } = await server.gql(query, {}, { key })
      if (status === 200 && !errors) seen.push(role)
      else expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
      await server.changeClient(client, { isActive: false })
    }
    expect(seen).toEqual(allowed)
  })
})
