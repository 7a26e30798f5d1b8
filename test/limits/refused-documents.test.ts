import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

let server: TestServer
let clients = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())
afterEach(async () => {
  for (const { id } of server.services.ledger.snapshot.table('RateLimitRule').values() as Iterable<{ id: string } & object>)
    await server.gql('mutation ($id: ID!) { deleteRateLimitRule(input: { id: $id }) { deletedId } }', { id })
})

/** The key of a client that may take two units in ten minutes. */
async function limitedKey(): Promise<{ id: string; key: string }> {
  clients += 1
  const { client, key } = await server.addClient({ name: `limited ${clients}` })
  const rule = `mutation { setRateLimitRule(input: { scope: API_KEY, key: "${client.id}", windowSeconds: 600, maxRequests: 2 }) { userErrors { code } } }`
  expect((await server.gql(rule)).data).toEqual({ setRateLimitRule: { userErrors: [] } })
  return { id: client.id, key }
}

const REFUSED = [
  ['with a syntax error', '{'],
  ['that is not valid', '{ nope }'],
  ['beyond the limits of documents', `{ ${'viewer { role } '.repeat(21)} }`],
  ['without the operation that is asked for', 'query A { viewer { role } } query B { viewer { role } }'],
] as const

describe('a document', () => {
  it.each(REFUSED)('%s takes one unit over HTTP, and its answer says what is left', async (_, query) => {
    const { id, key } = await limitedKey()
    const answers = [await server.gql(query, {}, { key }), await server.gql(query, {}, { key }), await server.gql(query, {}, { key })]
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 429])
    expect(answers.map(({ headers }) => headers.get('ratelimit')?.replace(/t=\d+/, 't'))).toEqual([
      '"api-key";r=1;t',
      '"api-key";r=0;t',
      '"api-key";r=0;t',
    ])
    expect(answers[2]?.headers.get('ratelimit-policy')).toBe('"api-key";q=2;w=600')
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(500)
    expect(answers[2]?.errors).toEqual([
      {
        message: expect.stringMatching(
          /^The rate limit "api-key" \(2 in 600 s\) does not allow this call now: it costs 1, and 0 is left\. Try again in \d+ s\.$/,
        ),
        extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number), cost: 1, remaining: 0 },
      },
    ])
    const find = `{ auditEvents(first: 10, filter: { actorId: "${id}" }) { nodes { operation code } } }`
    let data: unknown
    await until(async () => {
      ;({ data } = await server.gql(find))
      return !JSON.stringify(data).includes('"nodes":[]')
    })
    expect(data).toEqual({ auditEvents: { nodes: [{ operation: 'none', code: 'RATE_LIMITED' }] } })
  })

  it.each(REFUSED)('%s takes one unit over a WebSocket', async (_, query) => {
    const { key } = await limitedKey()
    const bare = await openSocket(server.url, { apiKey: key })
    await until(() => bare.messages.length > 0)
    for (const id of ['1', '2', '3']) bare.ask(id, query)
    await until(() => bare.messages.length === 4)
    const codes = bare.messages.slice(1).map(({ payload }) => (payload as { extensions: { code: string } }[])[0]?.extensions.code)
    const [first] = codes
    expect(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'OPERATION_RESOLUTION_FAILURE']).toContain(first)
    expect(codes).toEqual([first, first, 'RATE_LIMITED'])
    bare.socket.close()
  })

  it('that is executed takes its units once, also where its variables do not fit', async () => {
    const { key } = await limitedKey()
    const wrong = await server.gql('query ($id: ID!) { apiClient(id: $id) { id } }', {}, { key })
    expect([wrong.status, wrong.headers.get('ratelimit')]).toEqual([400, expect.stringMatching(/^"api-key";r=1;t=\d+$/)])
    const right = await server.gql('{ viewer { role } }', {}, { key })
    expect([right.status, right.headers.get('ratelimit')]).toEqual([200, expect.stringMatching(/^"api-key";r=0;t=\d+$/)])
  })
})
