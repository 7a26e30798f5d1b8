import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ruleWith } from '../../../test/testkit/limits.js'
import { type Fault, faultsOf, RuleKeeper } from '../../../test/testkit/rate-limit-rules.js'
import { startTestServer, type TestServer } from '../../../test/testkit/server.js'

const DELETE = `mutation ($input: DeleteRateLimitRuleInput!) { deleteRateLimitRule(input: $input) { deletedId userErrors { code field } revision } }`
const REVERT =
  'mutation ($revision: Int!) { revertRevision(input: { revision: $revision }) { revision userErrors { code field message } } }'
const CLIENT = '01900000-0000-7000-8000-000000000001'

let server: TestServer
let rules: RuleKeeper

beforeAll(async () => {
  server = await startTestServer()
  rules = new RuleKeeper(server)
})
afterAll(() => server.close())
beforeEach(() => rules.replace([]))

describe('setRateLimitRule', () => {
  it('makes a rule of 60 units in 60 seconds for each subject, if not told otherwise, and says so in the log', async () => {
    const { rateLimitRule, userErrors, revision } = await rules.set({ scope: 'IP', reason: 'a flood' })
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
    const first = await rules.set({ scope: 'GLOBAL', maxRequests: 5_000, description: 'for now' })
    const second = await rules.set({ scope: 'GLOBAL', windowSeconds: 10, isShadow: true })
    expect(second.rateLimitRule).toMatchObject({
      id: first.rateLimitRule?.id,
      maxRequests: 5_000,
      windowSeconds: 10,
      isShadow: true,
      description: 'for now',
      version: 2,
    })
    const third = await rules.set({ scope: 'GLOBAL', windowSeconds: 10 })
    expect([third.rateLimitRule?.version, third.revision]).toEqual([2, null])
    expect((await rules.set({ scope: 'GLOBAL', description: null })).rateLimitRule?.description).toBe(null)
  })

  it.each([
    ['IP', '2001:DB8:0:1:ffff::1', '2001:db8:0:1::/64'],
    ['IP', '2001:db8:0:1::/64', '2001:db8:0:1::/64'],
    ['IP', '::ffff:192.0.2.1', '192.0.2.1'],
    ['API_KEY', CLIENT.toUpperCase(), CLIENT],
    ['USER', `${CLIENT}:ann@example.com`, `${CLIENT}:ann@example.com`],
    ['GLOBAL', '*', '*'],
  ])('knows a subject of %s however it is written: %s', async (scope, key, stored) => {
    const { rateLimitRule } = await rules.set({ scope, key, maxRequests: 1_000 })
    expect(rateLimitRule?.key).toBe(stored)
    expect((await rules.set({ scope, key: stored, maxRequests: 1_000 })).revision).toBe(null)
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
    const payload = await rules.set({ scope, key })
    expect([payload.rateLimitRule, payload.revision, faultsOf(payload)]).toEqual([null, null, [[code, 'key']]])
  })

  it('reports every fault at once, and changes nothing', async () => {
    const before = server.services.ledger.snapshot.revision
    const payload = await rules.set({
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
    expect(faultsOf(await rules.set({ scope: 'IP', windowSeconds: 2_678_401, maxRequests: 0 }))).toEqual([
      ['INVALID', 'windowSeconds'],
      ['INVALID', 'maxRequests'],
    ])
    expect(server.services.ledger.snapshot.revision).toBe(before)
    expect((await rules.set({ scope: 'IP', windowSeconds: 2_678_400, maxRequests: 1_000_000_000 })).userErrors).toEqual([])
  })

  it('of a stale version changes nothing', async () => {
    await rules.set({ scope: 'IP', expectedVersion: 0, maxRequests: 1_000 })
    expect(faultsOf(await rules.set({ scope: 'IP', expectedVersion: 0, maxRequests: 2_000 }))).toEqual([
      ['STALE_VERSION', 'expectedVersion'],
    ])
    expect(faultsOf(await rules.set({ scope: 'IP', expectedVersion: 2, maxRequests: 2_000 }))).toEqual([
      ['STALE_VERSION', 'expectedVersion'],
    ])
    expect((await rules.set({ scope: 'IP', expectedVersion: 1, maxRequests: 2_000 })).rateLimitRule).toMatchObject({
      version: 2,
      maxRequests: 2_000,
    })
  })

  it('makes no more than 10,000 rules, but goes on changing those that there are', async () => {
    await rules.replace(Array.from({ length: 10_000 }, (_, index) => ruleWith({ scope: 'IP', key: `10.0.${index >> 8}.${index & 255}` })))
    const payload = await rules.set({ scope: 'IP', key: '192.0.2.1' })
    expect([payload.rateLimitRule, faultsOf(payload)]).toEqual([null, [['LIMIT_EXCEEDED', null]]])
    const changed = await rules.set({ scope: 'IP', key: '10.0.0.1', maxRequests: 7 })
    expect(changed.rateLimitRule).toMatchObject({ maxRequests: 7, version: 2 })

    // Not by a revert either.
    const { revision } = await rules.call<{ revision: number }>(DELETE, { input: { id: changed.rateLimitRule?.id } })
    expect((await rules.set({ scope: 'IP', key: '192.0.2.1' })).userErrors).toEqual([])
    const reverted = await rules.call<{ revision: null; userErrors: Fault[] }>(REVERT, { revision })
    expect(reverted).toMatchObject({ revision: null, userErrors: [{ code: 'INVALID_STATE', field: ['revision'] }] })
    expect(reverted.userErrors[0]?.message).toContain('more than 10000 rules')
  })
})

describe('deleteRateLimitRule', () => {
  it('deletes a rule of the expected version, once', async () => {
    const id = (await rules.set({ scope: 'IP', maxRequests: 1_000 })).rateLimitRule?.id
    const nothing = { deletedId: null, revision: null }
    expect(await rules.call(DELETE, { input: { id, expectedVersion: 2 } })).toEqual({
      ...nothing,
      userErrors: [{ code: 'STALE_VERSION', field: ['expectedVersion'] }],
    })
    expect(await rules.call(DELETE, { input: { id, expectedVersion: 1 } })).toEqual({
      deletedId: id,
      userErrors: [],
      revision: server.services.ledger.snapshot.revision,
    })
    expect(await rules.call(DELETE, { input: { id } })).toEqual({ ...nothing, userErrors: [{ code: 'NOT_FOUND', field: ['id'] }] })
    expect(await rules.call('query ($id: ID!) { rateLimitRule(id: $id) { id } }', { id })).toBe(null)
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
