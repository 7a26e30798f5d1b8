import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

const FROM = { 'x-forwarded-for': '192.0.2.7' }

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ VALHALLA_TRUSTED_PROXIES: '1' })
})
afterAll(() => server.close())

/** What was logged with this message, without the request's own details. */
function logged(message: string): object[] {
  return server.logged.filter(({ msg }) => msg === message).map(({ peer, reason }) => ({ peer, reason }))
}

describe('a refusal', () => {
  it('of metrics is audited with who asked for them', async () => {
    const { client, key } = await server.addClient({ name: 'curious', role: 'EVALUATOR' })
    const response = await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': key, ...FROM } })
    expect(response.status).toBe(403)
    const query = `{ auditEvents(first: 10, filter: { operation: "metrics" }) { nodes { code outcome remoteAddress actor { id } } } }`
    let data: unknown
    await until(async () => {
      ;({ data } = await server.gql(query))
      return !JSON.stringify(data).includes('"nodes":[]')
    })
    expect(data).toEqual({
      auditEvents: { nodes: [{ code: 'FORBIDDEN', outcome: 'DENIED', remoteAddress: '192.0.2.7', actor: { id: client.id } }] },
    })
  })

  it('of a key is logged with the address of its client and what is wrong with the key, on every way in', async () => {
    const { client, key } = await server.addClient({ name: 'stopped' })
    await server.changeClient(client, { isActive: false })
    expect((await server.gql('{ viewer { role } }', {}, { key, headers: FROM })).status).toBe(401)
    expect((await (await openSocket(server.url, { apiKey: key }, { headers: FROM })).closed).code).toBe(4401)
    const expected = [{ peer: '192.0.2.7', reason: "the key's verdict is DISABLED" }]
    expect(logged('refused: not authenticated')).toEqual(expected)
    expect(logged('connection refused: not authenticated')).toEqual(expected)
  })
})
