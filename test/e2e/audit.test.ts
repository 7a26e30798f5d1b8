import { createClient } from 'graphql-ws'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

interface Event {
  readonly operation: string
  readonly outcome: string
  readonly code: string | null
  readonly actor: { readonly name: string; readonly apiClient: { readonly role: string } | null } | null
  readonly remoteAddress: string | null
  readonly detail: Record<string, unknown>
}

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ VALHALLA_AUTH_FAILURES_PER_MINUTE: '20' })
})
afterAll(() => server.close())

async function eventsOf(filter = ''): Promise<Event[]> {
  const { data, errors } = await server.gql(
    `{ auditEvents(first: 100${filter && `, filter: { ${filter} }`}) { nodes { operation outcome code actor { name apiClient { role } } remoteAddress detail } } }`,
  )
  expect(errors).toBe(undefined)
  // A test may run over the end of a minute.
  const merged = new Map<string, Event>()
  for (const event of (data as unknown as { auditEvents: { nodes: Event[] } }).auditEvents.nodes) {
    const key = JSON.stringify([event.operation, event.outcome, event.code, event.actor])
    const count = Number(event.detail['count']) + Number(merged.get(key)?.detail['count'] ?? 0)
    const newest = merged.get(key) ?? event
    merged.set(key, { ...newest, detail: { ...newest.detail, count } })
  }
  return [...merged.values()]
}

/** What one operation over a WebSocket ends with. */
async function overSocket(key: string, query: string): Promise<unknown> {
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: key },
    retryAttempts: 0,
  })
  try {
    for await (const answer of client.iterate({ query })) return answer
    return undefined
  } catch (error) {
    return error
  } finally {
    await client.dispose()
  }
}

describe('what is denied', () => {
  it('for the lack of a permission is an audit event of who it was, by root field and not by alias', async () => {
    const { client, key } = await server.addClient({ name: 'curious', role: 'EVALUATOR' })
    const query =
      '{ harmless: apiClient(id: "a") { id } ...More } fragment More on Query { another: config(key: "a") { key } viewer { role } }'
    for (let i = 0; i < 3; i += 1) await server.gql(query, {}, { key, headers: { 'x-request-id': `trace-${i}` } })
    const denied = {
      outcome: 'DENIED',
      code: 'FORBIDDEN',
      actor: { name: 'curious', apiClient: { role: 'EVALUATOR' } },
      remoteAddress: '127.0.0.1',
    }
    const detail = { count: 3, requestId: 'trace-2', firstAt: expect.any(String), lastAt: expect.any(String) }
    const events = await eventsOf(`actorId: "${client.id}"`)
    expect(events).toEqual(
      expect.arrayContaining([
        { operation: 'apiClient', ...denied, detail },
        { operation: 'config', ...denied, detail },
      ]),
    )
    expect(events).toHaveLength(2)
  })

  it('for the lack of a key is an audit event of an address, with what was wrong', async () => {
    const { key } = await server.addClient({ name: 'left', isActive: false })
    await server.gql('{ viewer { role } }', {}, { key: null })
    await server.gql('{ viewer { role } }', {}, { key })
    const [event, ...others] = await eventsOf('operation: "authenticate"')
    expect(others).toEqual([])
    expect(event).toMatchObject({
      outcome: 'DENIED',
      code: 'UNAUTHENTICATED',
      actor: null,
      remoteAddress: '127.0.0.1',
      detail: { count: 2, reason: "the key's verdict is DISABLED" },
    })
  })

  it('over a WebSocket is an audit event as well', async () => {
    const { client, key } = await server.addClient({ name: 'listening', role: 'EVALUATOR' })
    expect(await overSocket(key, 'subscription { changes { id } }')).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })
    expect(await overSocket(key, '{ apiClients { totalCount } }')).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })
    const events = await eventsOf(`actorId: "${client.id}"`)
    expect(events.map(({ operation, code }) => [operation, code]).sort()).toEqual([
      ['apiClients', 'FORBIDDEN'],
      ['changes', 'FORBIDDEN'],
    ])
    const before = (await eventsOf('operation: "authenticate"'))[0]?.detail['count'] as number
    expect(await overSocket('nonsense', '{ viewer { role } }')).toMatchObject({ code: 4401 })
    expect((await eventsOf('operation: "authenticate"'))[0]?.detail['count']).toBe(before + 1)
  })

  it('by a rate limit is an audit event, and so are failed authentications beyond theirs', async () => {
    const { client, key } = await server.addClient({ name: 'eager' })
    await server.gql(
      `mutation { setRateLimitRule(input: { scope: API_KEY, key: "${client.id}", maxRequests: 1, windowSeconds: 3600 }) { userErrors { message } } }`,
    )
    for (let i = 0; i < 3; i += 1) await server.gql('{ who: viewer { role } }', {}, { key })
    expect(await eventsOf(`actorId: "${client.id}"`)).toMatchObject([
      { operation: 'viewer', outcome: 'DENIED', code: 'RATE_LIMITED', actor: { name: 'eager' }, detail: { count: 2 } },
    ])
    for (let i = 0; i < 30; i += 1) await server.gql('{ viewer { role } }', {}, { key: 'nonsense' })
    const events = await eventsOf('operation: "authenticate"')
    expect(events.map(({ code, actor }) => [code, actor]).sort()).toEqual([
      ['RATE_LIMITED', null],
      ['UNAUTHENTICATED', null],
    ])
  })

  it('at the metrics is an audit event', async () => {
    const { key } = await server.addClient({ name: 'nosy', role: 'EVALUATOR' })
    expect((await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': key } })).status).toBe(403)
    expect(await eventsOf('operation: "metrics"')).toMatchObject([{ outcome: 'DENIED', code: 'FORBIDDEN', remoteAddress: '127.0.0.1' }])
  })
})

describe('what is no audit event', () => {
  it('is what works, and what is wrong with an input', async () => {
    const { client, key } = await server.addClient({ name: 'working', role: 'ADMIN' })
    await server.gql('{ viewer { role } configs { totalCount } }', {}, { key })
    await server.gql('{ nothing }', {}, { key })
    await server.gql('{ configs(first: 1000) { totalCount } }', {}, { key })
    await server.gql('mutation { setFeatureFlag(input: { key: "Not A Key" }) { userErrors { code } } }', {}, { key })
    expect(await eventsOf(`actorId: "${client.id}"`)).toEqual([])
  })
})

describe('looking at what is sensitive', () => {
  it('is an audit event: the events themselves', async () => {
    const { client, key } = await server.addClient({ name: 'auditor', role: 'OPERATOR' })
    expect((await server.gql('{ auditEvents { totalCount } }', {}, { key })).errors).toBe(undefined)
    expect(await eventsOf(`actorId: "${client.id}"`)).toMatchObject([
      { operation: 'auditEvents', outcome: 'SUCCEEDED', code: null, detail: { count: 1 } },
    ])
  })

  it('is an audit event: the security snapshot, which counts what was denied', async () => {
    const { client, key } = await server.addClient({ name: 'guard', role: 'OPERATOR' })
    const query = '{ securitySnapshot { deniedCallsLastHour failedAuthenticationsLastHour } }'
    const counted = async () =>
      (await server.gql(query, {}, { key })).data?.['securitySnapshot'] as unknown as { deniedCallsLastHour: number }
    const before = await counted()
    await server.gql('{ apiClient(id: "a") { id } }', {}, { key: (await server.addClient({ name: 'refused', role: 'EVALUATOR' })).key })
    expect((await counted()).deniedCallsLastHour).toBe(before.deniedCallsLastHour + 1)
    expect(await eventsOf(`actorId: "${client.id}"`)).toMatchObject([
      { operation: 'securitySnapshot', outcome: 'SUCCEEDED', detail: { count: 2 } },
    ])
  })

  it('is not for observers', async () => {
    const { key } = await server.addClient({ name: 'observer' })
    const { status, errors } = await server.gql('{ auditEvents { totalCount } }', {}, { key })
    expect([status, errors?.[0]?.extensions?.['code']]).toEqual([403, 'FORBIDDEN'])
  })

  it('verifying a key is an audit event of each verdict, which names its client and never the key', async () => {
    const { client, key } = await server.addClient({ name: 'gateway', role: 'OPERATOR' })
    const { client: other, key: shown } = await server.addClient({ name: 'shown', role: 'OBSERVER' })
    const verify = (apiKey: string, permission?: string) =>
      server.gql('mutation ($i: VerifyApiKeyInput!) { verifyApiKey(input: $i) { verdict } }', { i: { apiKey, permission } }, { key })
    await verify(shown, 'flags:read')
    await verify(shown, 'flags:read')
    await verify(shown, 'flags:write')
    await verify('nonsense')
    await verify(shown, shown)
    const events = await eventsOf(`operation: "verifyApiKey", actorId: "${client.id}"`)
    expect(
      events.map(({ outcome, code, detail }) => [outcome, code, detail['count'], detail['verifiedClientId'], detail['permission']]),
    ).toEqual(
      expect.arrayContaining([
        ['SUCCEEDED', 'VALID', 2, other.id, 'flags:read'],
        ['SUCCEEDED', 'FORBIDDEN', 1, other.id, 'flags:write'],
        ['SUCCEEDED', 'NOT_FOUND', 1, null, null],
        ['FAILED', 'INVALID', 1, null, null],
      ]),
    )
    expect(events).toHaveLength(4)
    expect(JSON.stringify(events)).not.toContain(shown.split('_')[3])
  })
})

describe('what fails', () => {
  it('is an audit event of who wanted it', async () => {
    const own = await startTestServer()
    await own.services.ledger.close()
    const answer = await own.gql('mutation { setFeatureFlag(input: { key: "late" }) { revision } }')
    expect([answer.status, answer.errors?.[0]?.extensions?.['code']]).toEqual([503, 'UNAVAILABLE'])
    const { data } = await own.gql('{ auditEvents(filter: { outcome: FAILED }) { nodes { operation code actor { name } } totalCount } }')
    expect(data).toEqual({
      auditEvents: { nodes: [{ operation: 'setFeatureFlag', code: 'UNAVAILABLE', actor: { name: 'first admin' } }], totalCount: 1 },
    })
    await own.close()
  })
})

describe.runIf(await usePostgres())('a server that stops', () => {
  it('writes the audit events that it has noted', async () => {
    const { url, drop } = await createTestDatabase()
    const own = await startTestServer({ DATABASE_URL: url })
    await own.gql('{ viewer { role } }', {}, { key: null })
    await own.close()
    const client = new pg.Client(url)
    await client.connect()
    const { rows } = await client.query('SELECT operation, outcome, code, detail FROM audit_events')
    await client.end()
    await drop()
    expect(rows).toMatchObject([
      { operation: 'authenticate', outcome: 'DENIED', code: 'UNAUTHENTICATED', detail: { count: 1, reason: 'no key' } },
    ])
  })
})
