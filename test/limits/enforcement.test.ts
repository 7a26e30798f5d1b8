import { type Client, createClient } from 'graphql-ws'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { RateLimitScope } from '../../src/core/contract/limiter.js'
import { flood } from '../testkit/flood.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { until } from '../testkit/until.js'

const SET = `mutation ($input: SetRateLimitRuleInput!) { setRateLimitRule(input: $input) { rateLimitRule { id key } userErrors { code field message } } }`
const DELETE = 'mutation ($id: ID!) { deleteRateLimitRule(input: { id: $id }) { deletedId } }'

let server: TestServer
let proxied: TestServer

beforeAll(async () => {
  server = await startTestServer()
  proxied = await startTestServer({ VALHALLA_TRUSTED_PROXIES: '1' })
})
afterEach(async () => {
  for (const each of [server, proxied]) await deleteRules(each)
})
afterAll(async () => {
  await server.close()
  await proxied.close()
})

async function deleteRules(of: TestServer): Promise<void> {
  for (const { id } of of.services.ledger.snapshot.table('RateLimitRule').values() as Iterable<{ id: string } & object>)
    await of.gql(DELETE, { id })
}

async function setRule(
  input: { scope: RateLimitScope; key?: string; maxRequests?: number; windowSeconds?: number; isShadow?: boolean },
  of = server,
) {
  const { data, errors } = await of.gql(SET, { input })
  expect(errors).toBe(undefined)
  const payload: unknown = data?.['setRateLimitRule']
  return payload as { rateLimitRule: { id: string; key: string }; userErrors: readonly object[] }
}

describe('a limit of 100 in 60 seconds', () => {
  it.each<[RateLimitScope, Record<string, string>]>([
    ['IP', {}],
    ['API_KEY', {}],
    ['USER', { 'x-valhalla-user': 'ann' }],
    ['GLOBAL', {}],
  ])('on %s lets exactly 100 of 1,000 requests over 64 connections through', async (scope, headers) => {
    await flood(server.url, { count: 1, connections: 1, key: server.adminKey, headersOf: () => headers })
    await setRule({ scope, maxRequests: 100 })
    const before = await server.executions()
    const statuses = await flood(server.url, { count: 1_000, connections: 64, key: server.adminKey, headersOf: () => headers })
    expect(statuses).toEqual({ 200: 100, 429: 900 })
    const after = await server.executions()
    expect([after.short - before.short, after.apollo - before.apollo]).toEqual([100, 0])
  })

  it('on IP is not escaped by X-Forwarded-For, where no proxy is trusted', async () => {
    await setRule({ scope: 'IP', maxRequests: 100 })
    const headersOf = (index: number) => ({ 'x-forwarded-for': `10.0.${index >> 8}.${index & 255}` })
    expect(await flood(server.url, { count: 1_000, connections: 64, key: server.adminKey, headersOf })).toEqual({ 200: 100, 429: 900 })
  })

  it('on IP counts the last entry of X-Forwarded-For behind one trusted proxy, and IPv6 by the /64', async () => {
    await setRule({ scope: 'IP', maxRequests: 100 }, proxied)
    const from = (headersOf: (index: number) => string, count: number) =>
      flood(proxied.url, { count, connections: 64, key: proxied.adminKey, headersOf: (index) => ({ 'x-forwarded-for': headersOf(index) }) })
    expect(await from((index) => `10.0.${index >> 8}.${index & 255}, 192.0.2.1`, 1_000)).toEqual({ 200: 100, 429: 900 })
    expect(await from((index) => `192.0.2.1, 10.1.0.${index}`, 100)).toEqual({ 200: 100 })
    expect(await from((index) => `2001:db8:0:1::${index.toString(16)}`, 150)).toEqual({ 200: 100, 429: 50 })
    expect(await from(() => '2001:db8:0:2::1', 50)).toEqual({ 200: 50 })
  })
})

describe('an answer', () => {
  it('carries the limits that applied to it, and none that only looks on', async () => {
    await setRule({ scope: 'API_KEY', maxRequests: 5, windowSeconds: 30 })
    await setRule({ scope: 'GLOBAL', maxRequests: 50, windowSeconds: 600 })
    await setRule({ scope: 'IP', maxRequests: 1, isShadow: true })
    const answers = [await server.gql('{ __typename }'), await server.gql('{ viewer { role } }')]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const [policy, left] = ['ratelimit-policy', 'ratelimit'].map((name) => answers[1]?.headers.get(name)?.split(', ').sort())
    expect(policy).toEqual(['"api-key";q=5;w=30', '"global";q=50;w=600'])
    expect(left?.map((each) => each.replace(/t=\d+$/, 't'))).toEqual(['"api-key";r=3;t', '"global";r=48;t'])
  })

  it('without a rule carries nothing of that', async () => {
    const { status, headers } = await server.gql('{ __typename }')
    expect([status, headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([200, null, null])
  })

  it('that is denied says 429, when to come back, and by which limit', async () => {
    await setRule({ scope: 'API_KEY', maxRequests: 1, windowSeconds: 10 })
    await server.gql('{ __typename }')
    const { status, headers, errors, data } = await server.gql('mutation { setFeatureFlag(input: { key: "denied" }) { revision } }')
    expect([status, data]).toEqual([429, undefined])
    expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
    expect(errors?.[0]?.message).toMatch(
      /^The rate limit "api-key" \(1 in 10 s\) does not allow this call now: it costs 1, and 0 is left\. Try again in (19|20) s\.$/,
    )
    const waitSeconds = Number(errors?.[0]?.extensions?.['retryAfterSeconds'])
    expect(waitSeconds).toBeGreaterThan(18)
    expect(Number(headers.get('retry-after'))).toBe(Math.ceil(waitSeconds))
    expect(headers.get('ratelimit')).toMatch(/^"api-key";r=0;t=(19|20)$/)
    expect((await server.gql(DELETE, { id: 'nothing' })).status).toBe(200)
    await deleteRules(server)
    expect((await server.gql('{ featureFlag(key: "denied") { key } }')).data).toEqual({ featureFlag: null })
  })
})

describe('an operation', () => {
  const left = async (query: string): Promise<number> => {
    const { headers } = await server.gql(query)
    return Number(/r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1])
  }

  it('costs the sum of its root fields, those with aliases and in fragments too', async () => {
    await setRule({ scope: 'API_KEY', maxRequests: 100 })
    expect(await left('{ viewer { role } }')).toBe(99)
    expect(await left('{ a: viewer { role } b: viewer { role } systemSummary { totalPacks } }')).toBe(96)
    expect(
      await left(
        'query { ...F ... on Query { c: viewer { role } } } fragment F on Query { a: viewer { role } ...G } fragment G on Query { b: viewer { role } }',
      ),
    ).toBe(93)
    // What GraphQL answers once counts once.
    expect(await left('{ viewer { role } viewer { permissions } __typename }')).toBe(92)
    expect(await left('{ __schema { queryType { name } } __typename a: __typename }')).toBe(91)
    expect(await left('query A { viewer { role } }')).toBe(90)
  })

  it('that mends the rules is let through by every rule, for those who may', async () => {
    const { client, key } = await server.addClient({ name: 'watcher', role: 'OBSERVER' })
    const { rateLimitRule } = await setRule({ scope: 'GLOBAL', maxRequests: 1, windowSeconds: 1_000 })
    await server.gql('{ __typename }')
    expect((await server.gql('{ __typename }')).status).toBe(429)
    const denied = await server.gql(SET, { input: { scope: 'GLOBAL' } }, { key })
    expect([denied.status, denied.errors?.[0]?.extensions?.['code']]).toEqual([429, 'RATE_LIMITED'])
    const mended = await server.gql(SET, { input: { scope: 'GLOBAL', maxRequests: 3 } })
    expect([mended.status, mended.headers.get('ratelimit')]).toEqual([200, null])
    expect((await server.gql('{ __typename }')).status).toBe(200)
    expect((await server.gql(DELETE, { id: rateLimitRule.id })).data).toEqual({ deleteRateLimitRule: { deletedId: rateLimitRule.id } })
    await server.changeClient(client, { isActive: false })
  })

  it('that is not valid takes one unit like any other, and probes are never limited', async () => {
    await setRule({ scope: 'GLOBAL', maxRequests: 3, windowSeconds: 1_000 })
    for (let round = 0; round < 2; round += 1) expect((await server.gql('{ nothing }')).status).toBe(400)
    expect([(await server.gql('{ __typename }')).status, (await server.gql('{ __typename }')).status]).toEqual([200, 429])
    const headers = { authorization: `Bearer ${server.adminKey}` }
    for (const path of ['livez', 'readyz', 'metrics']) expect((await fetch(`${server.url}/${path}`, { headers })).status).toBe(200)
    const metrics = await (await fetch(`${server.url}/metrics`, { headers })).text()
    expect(metrics).toMatch(/valhalla_rate_limit_denials_total\{scope="GLOBAL",shadow="false"\} \d+/)
    expect(metrics).toContain('valhalla_rate_limit_redis_reachable 0')
  })

  it('tells the viewer what is left, without taking it', async () => {
    const rule = await setRule({ scope: 'API_KEY', maxRequests: 3 })
    const shadow = await setRule({ scope: 'USER', maxRequests: 2, isShadow: true })
    const query = '{ viewer { rateLimits { ruleId isAllowed limit remaining retryAfterSeconds isShadow } } }'
    const options = { headers: { 'x-valhalla-user': 'ann' } }
    const said = { isAllowed: true, retryAfterSeconds: null }
    expect((await server.gql(query, {}, options)).data).toEqual({
      viewer: {
        rateLimits: [
          { ruleId: rule.rateLimitRule.id, limit: 3, remaining: 2, isShadow: false, ...said },
          { ruleId: shadow.rateLimitRule.id, limit: 2, remaining: 1, isShadow: true, ...said },
        ],
      },
    })
    expect((await server.gql(query)).data).toEqual({
      viewer: { rateLimits: [{ ruleId: rule.rateLimitRule.id, limit: 3, remaining: 1, isShadow: false, ...said }] },
    })
  })
})

describe('an operation over a WebSocket', () => {
  const clients: Client[] = []
  afterAll(async () => {
    for (const client of clients) await client.dispose()
  })

  function connect(payload: Record<string, unknown> = {}): Client {
    const url = `${server.url.replace('http', 'ws')}/graphql`
    const connectionParams = { authorization: `Bearer ${server.adminKey}`, ...payload }
    const client = createClient({ url, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 })
    clients.push(client)
    return client
  }

  /** What came of an operation: its answers, or its errors. */
  async function ask(client: Client, query: string): Promise<unknown> {
    try {
      for await (const answer of client.iterate({ query })) return answer.data
      return undefined
    } catch (errors) {
      return errors
    }
  }

  const denied = [
    {
      message: expect.stringContaining('"api-key" (2 in 60 s)'),
      extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number), cost: 1, remaining: 0 },
    },
  ]

  it('is counted like one over HTTP, more often than a connection may run at a time', async () => {
    await setRule({ scope: 'API_KEY', maxRequests: 2 })
    const client = connect()
    expect(await ask(client, '{ __typename }')).toEqual({ __typename: 'Query' })
    expect((await server.gql('{ __typename }')).status).toBe(200)
    for (let round = 0; round < 120; round += 1) expect(await ask(client, '{ __typename }')).toEqual(denied)
    await deleteRules(server)
    expect(await ask(client, '{ __typename }')).toEqual({ __typename: 'Query' })
  })

  it('counts once as a subscription, however many events there are', async () => {
    const client = connect()
    await setRule({ scope: 'API_KEY', maxRequests: 2 })
    const events: unknown[] = []
    const stop = client.subscribe(
      { query: 'subscription { changes { targetType } }' },
      { next: ({ data }) => void events.push(data), error: () => undefined, complete: () => undefined },
    )
    await until(() => [...server.connections].some(({ operations }) => operations.size > 0))
    const { client: apiClient } = await server.addClient({ name: 'of events' })
    for (let version = 0; version < 5; version += 1)
      await server.changeClient({ ...apiClient, version }, { description: `event ${version}` })
    await until(() => events.length === 6)
    stop()
    expect(await ask(client, '{ __typename }')).toEqual({ __typename: 'Query' })
    expect(await ask(client, 'subscription { changes { targetType } }')).toEqual(denied)
  })

  it('is counted for the user that connection_init names', async () => {
    await setRule({ scope: 'USER', maxRequests: 1 })
    const [ann, bob] = [connect({ user: 'ann' }), connect({ user: 'bob' })]
    expect(await ask(ann, '{ __typename }')).toEqual({ __typename: 'Query' })
    expect(await ask(bob, '{ __typename }')).toEqual({ __typename: 'Query' })
    expect(await ask(ann, '{ __typename }')).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
    expect((await server.gql('{ __typename }', {}, { headers: { 'x-valhalla-user': 'ann' } })).status).toBe(429)
  })
})

describe('calls without a key that works', () => {
  it('are refused with 429 once there were too many from an address, while keys that work get through', async () => {
    const guarded = await startTestServer({ VALHALLA_AUTH_FAILURES_PER_MINUTE: '5', VALHALLA_TRUSTED_PROXIES: '1' })
    try {
      const wrong = `${guarded.adminKey.slice(0, -1)}${guarded.adminKey.endsWith('x') ? 'y' : 'x'}`
      const from = (address: string, key: string | null) =>
        guarded.gql('{ __typename }', {}, { key, headers: { 'x-forwarded-for': address } })
      const answers = []
      for (let round = 0; round < 8; round += 1) answers.push(await from(`2001:db8::${round}`, round % 2 === 0 ? wrong : null))
      expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
      const { headers, errors } = answers[7] as (typeof answers)[number]
      expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(60)
      expect((await from('2001:db8::9', guarded.adminKey)).status).toBe(200)
      expect((await from('2001:db8:0:1::1', wrong)).status).toBe(401)
      const metrics = await fetch(`${guarded.url}/metrics`, { headers: { 'x-api-key': wrong, 'x-forwarded-for': '2001:db8::a' } })
      expect(metrics.status).toBe(429)
      const about = guarded.logged.filter(({ msg }) => String(msg).includes('authenticat'))
      expect(about.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toEqual([
        'too many failed authentications: further ones are refused and not logged',
      ])
      expect(about.filter(({ level }) => level === 'info')).toHaveLength(6)
    } finally {
      await guarded.close()
    }
  })
})
