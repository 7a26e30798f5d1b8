import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { startTcpProxy } from '../testkit/tcp-proxy.js'

const COUNTS = 'deniedCallsLastHour failedAuthenticationsLastHour rateLimitDenialsLastHour'

describe('the security snapshot', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.close())
  afterEach(() => server.services.database.ask('DELETE FROM audit_events'))

  let ids = 0
  /** Events as they are stored, some minutes ago. */
  const happened = (outcome: string, code: string, more: { actor?: string; count?: number; minutesAgo?: number }) =>
    server.services.database.ask(
      `INSERT INTO audit_events (id, at, operation, outcome, code, actor_id, actor_name, detail) VALUES ($1, $2, 'any', $3, $4, $5, $5, $6)`,
      [
        `event-${ids++}`,
        new Date(Date.now() - (more.minutesAgo ?? 5) * 60_000),
        outcome,
        code,
        more.actor ?? null,
        more.count === undefined ? null : JSON.stringify({ count: more.count }),
      ],
    )

  const counts = async () => {
    const { data } = await server.gql(`{ securitySnapshot { ${COUNTS} } }`)
    return (data as unknown as { securitySnapshot: Record<string, number> }).securitySnapshot
  }

  it('counts denied calls of known clients, and denials of rate limits whoever it was', async () => {
    await happened('DENIED', 'FORBIDDEN', { actor: 'a', count: 2 })
    await happened('DENIED', 'MAINTENANCE', { actor: 'b' })
    await happened('DENIED', 'RATE_LIMITED', { actor: 'a', count: 4 })
    await happened('DENIED', 'RATE_LIMITED', { count: 8 })
    await happened('DENIED', 'UNAUTHENTICATED', { count: 16 })
    await happened('DENIED', 'FORBIDDEN', { actor: 'a', count: 32, minutesAgo: 61 })
    expect(await counts()).toEqual({
      deniedCallsLastHour: 2 + 1 + 4,
      failedAuthenticationsLastHour: 16,
      rateLimitDenialsLastHour: 4 + 8,
    })
  })

  it('takes the verdict on a key of another service for no denial', async () => {
    await happened('SUCCEEDED', 'RATE_LIMITED', { actor: 'a', count: 3 })
    expect(await counts()).toEqual({ deniedCallsLastHour: 0, failedAuthenticationsLastHour: 0, rateLimitDenialsLastHour: 0 })
  })
})

it.each(['127.0.0.1', 'LOCALHOST'])('introspection is told to be open where it is: development on %s', async (host) => {
  const server = await startTestServer({ NODE_ENV: 'development', HOST: host })
  expect((await server.gql('{ __typename }', {}, { key: null })).status).toBe(200)
  expect((await server.gql('{ securitySnapshot { isIntrospectionOpen findings { code } } }')).data).toMatchObject({
    securitySnapshot: { isIntrospectionOpen: true, findings: expect.arrayContaining([{ code: 'INTROSPECTION_OPEN' }]) },
  })
  await server.close()
})

describe.runIf(ENGINES.includes('postgresql'))('with the database away', () => {
  let server: TestServer
  let close: () => Promise<void>
  beforeAll(async () => {
    const { url, drop } = await createTestDatabase()
    const proxy = await startTcpProxy(url)
    server = await startTestServer({ DATABASE_URL: proxy.url })
    await proxy.cut()
    close = async () => {
      await server.close()
      await proxy.close()
      await drop()
    }
  })
  afterAll(() => close())

  it.each([
    ['securitySnapshot', `{ securitySnapshot { ${COUNTS} } }`],
    ['auditIntegrity', '{ auditIntegrity { isIntact } }'],
    ['changes', '{ changes { nodes { id } } }'],
    ['smokeTestRuns', '{ smokeTestRuns { nodes { id } } }'],
  ])('%s says so, and that it is worth another try', async (_, query) => {
    const { status, headers, errors } = await server.gql(query)
    expect({
      status,
      retryAfter: headers.get('retry-after'),
      said: errors?.map(({ message, extensions }) => [extensions?.['code'], message]),
    }).toEqual({
      status: 503,
      retryAfter: '2',
      said: [['UNAVAILABLE', 'The database is not answering. Try again later.']],
    })
  })
})
