import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Database } from '../../src/core/database/database.js'
import { putBack } from '../testkit/put-back.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

it('a subscriber is told what to do when the database is put back, and the server goes on', async () => {
  const { ledger, database } = server.services
  const before = ledger.snapshot.revision
  const setFlag = (key: string) =>
    server.gql('mutation ($key: String!) { setFeatureFlag(input: { key: $key }) { revision userErrors { code } } }', { key })
  await setFlag('one')
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${server.adminKey}` },
    retryAttempts: 0,
  })
  const query = `subscription { changes(filter: { sinceRevision: ${before} }) { operation } }`
  const changes = client.iterate({ query })
  expect((await changes.next()).value).toMatchObject({ data: { changes: { operation: 'setFeatureFlag' } } })
  const ending = changes.next().catch((error: unknown) => error)
  await putBack(database as Database, before, [])
  await ledger.poll()
  expect(await ending).toMatchObject([{ message: expect.stringContaining('Load the state anew'), extensions: { code: 'BAD_USER_INPUT' } }])
  expect(await setFlag('two')).toMatchObject({ data: { setFeatureFlag: { revision: before + 1, userErrors: [] } } })
  await client.dispose()
})
