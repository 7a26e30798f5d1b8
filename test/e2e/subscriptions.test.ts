import { once } from 'node:events'
import { type Client, createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { HandClock } from '../testkit/hand-clock.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket, PROTOCOL, upgradeStatus } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

const CHANGES = 'subscription ($since: Int) { changes(filter: { sinceRevision: $since }) { revision targetId } }'

interface ChangePayload {
  readonly data: { readonly changes: { readonly revision: number } }
}

let server: TestServer
const clock = new HandClock()
const clients: Client[] = []

beforeAll(async () => {
  server = await startTestServer({ VALHALLA_CORS_ORIGINS: 'https://app.example.com' }, {}, { clock })
})
afterAll(async () => {
  for (const client of clients) await client.dispose()
  await server.close()
})

const address = (of = server): string => `${of.url.replace('http', 'ws')}/graphql`

function clientWith(connectionParams: Record<string, unknown>, of = server): Client {
  const client = createClient({ url: address(of), webSocketImpl: WebSocket, connectionParams, retryAttempts: 0, lazy: true })
  clients.push(client)
  return client
}

const open = (init: object | undefined, options: Parameters<typeof openSocket>[2] = {}) => openSocket(server.url, init, options)

/** The status that an upgrade is refused with. */
const refusedUpgrade = (path: string, origin?: string) => upgradeStatus(`${server.url}${path}`, origin)

function setFlag(key: string) {
  return server.gql('mutation ($key: String!) { setFeatureFlag(input: { key: $key }) { revision } }', { key })
}

describe('a connection', () => {
  it.each([
    ['a bearer token', () => ({ authorization: `Bearer ${server.adminKey}` })],
    ['a bare key as authorization', () => ({ authorization: server.adminKey })],
    ['Authorization in capitals', () => ({ Authorization: `Bearer ${server.adminKey}` })],
    ['apiKey', () => ({ apiKey: server.adminKey })],
  ])('is opened with a key in connection_init: %s', async (_, init) => {
    const { messages, socket } = await open(init())
    await until(() => messages.length > 0)
    expect(messages).toEqual([{ type: 'connection_ack' }])
    socket.close()
  })

  it('is opened with a key in the headers of the upgrade', async () => {
    const { messages, socket } = await open({}, { headers: { authorization: `Bearer ${server.adminKey}` } })
    await until(() => messages.length > 0)
    expect(messages).toEqual([{ type: 'connection_ack' }])
    socket.close()
  })

  it.each([
    ['no key', () => ({})],
    ['a wrong key', () => ({ apiKey: `${server.adminKey}x` })],
    ['something that is no text', () => ({ authorization: { toString: 'x' } })],
    ['two different keys', () => ({ apiKey: server.adminKey, authorization: `Bearer vk_test_${'A'.repeat(12)}_${'b'.repeat(32)}_1Abc2` })],
  ])('is closed with 4401 for %s', async (_, init) => {
    const { closed, messages } = await open(init())
    expect(await closed).toEqual({ code: 4401, reason: 'Unauthorized: a valid API key is needed' })
    expect(messages).toEqual([])
  })

  it('that asks before it has said who it is, is closed with 4401', async () => {
    const { closed, say } = await open(undefined)
    say({ id: '1', type: 'subscribe', payload: { query: '{ __schema { queryType { name } } }' } })
    expect((await closed).code).toBe(4401)
  })

  it('that speaks gibberish is closed with 4400', async () => {
    const { closed, socket } = await open({ apiKey: server.adminKey })
    socket.send('gibberish')
    expect((await closed).code).toBe(4400)
  })

  it('whose message is too large is closed with 1009, and nobody else is hurt', async () => {
    const { closed, say } = await open({ apiKey: server.adminKey })
    say({ type: 'ping', payload: { text: 'x'.repeat(300_000) } })
    expect((await closed).code).toBe(1009)
    expect((await server.gql('{ __typename }')).status).toBe(200)
  })

  it('from a page is opened for its own host and for the origins of the settings only', async () => {
    for (const origin of [server.url, 'https://app.example.com']) {
      const { socket, messages } = await open({ apiKey: server.adminKey }, { origin })
      await until(() => messages.length > 0)
      socket.close()
    }
    expect(await refusedUpgrade('/graphql', 'https://evil.example.com')).toBe(403)
    expect(await refusedUpgrade('/elsewhere')).toBe(404)
  })
})

describe('operations on a connection', () => {
  it('pass the same guard, limits and rules as over HTTP', async () => {
    const { key } = await server.addClient({ name: 'socket evaluator', role: 'EVALUATOR' })
    const { messages, say, socket } = await open({ apiKey: key })
    await until(() => messages.length > 0)
    const ask = (id: string, query: string): void => say({ id, type: 'subscribe', payload: { query } })
    ask('role', '{ viewer { role } }')
    ask('write', 'mutation { setFeatureFlag(input: { key: "no" }) { revision } }')
    ask('stream', 'subscription { changes { id } }')
    ask('syntax', '{')
    ask('field', '{ nope }')
    ask('limit', `{ viewer { ${Array.from({ length: 31 }, (_, index) => `a${index}: role`).join(' ')} } }`)
    await until(() =>
      ['role', 'write', 'stream', 'syntax', 'field', 'limit'].every((id) => messages.some((message) => message['id'] === id)),
    )
    const answerTo = (id: string) => messages.find((message) => message['id'] === id)
    const codeOf = (errors: unknown) => (errors as { extensions: { code: string } }[])[0]?.extensions.code
    expect(answerTo('role')).toEqual({ id: 'role', type: 'next', payload: { data: { viewer: { role: 'EVALUATOR' } } } })
    const errorsOf = (id: string) => {
      const payload = answerTo(id)?.['payload']
      return Array.isArray(payload) ? payload : (payload as { errors: unknown }).errors
    }
    expect(codeOf(errorsOf('write'))).toBe('FORBIDDEN')
    expect(codeOf(errorsOf('stream'))).toBe('FORBIDDEN')
    expect(codeOf(errorsOf('syntax'))).toBe('GRAPHQL_PARSE_FAILED')
    expect(codeOf(errorsOf('field'))).toBe('GRAPHQL_VALIDATION_FAILED')
    expect(errorsOf('limit')).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED', limit: 'aliases' } }])
    expect(JSON.stringify(messages)).not.toContain('"http"')
    socket.close()
  })

  it('are at most a hundred at a time', async () => {
    const { messages, say, socket } = await open({ apiKey: server.adminKey })
    await until(() => messages.length > 0)
    for (let index = 0; index <= 100; index += 1)
      say({ id: `s${index}`, type: 'subscribe', payload: { query: 'subscription { changes { id } }' } })
    await until(() => messages.length > 1)
    expect(messages[1]).toMatchObject({ id: 's100', type: 'error', payload: [{ extensions: { code: 'RATE_LIMITED' } }] })
    // One that is completed makes room, though nothing has ever come out of it.
    say({ id: 's0', type: 'complete' })
    say({ id: 'next', type: 'subscribe', payload: { query: '{ viewer { role } }' } })
    await until(() => messages.some(({ id, type }) => id === 'next' && type === 'next'))
    socket.close()
  })
})

describe('a subscription', () => {
  it('gets every change once and in order, from the log first and then live', async () => {
    const since = server.services.ledger.snapshot.revision
    await setFlag('before-1')
    await setFlag('before-2')
    const events = clientWith({ apiKey: server.adminKey }).iterate({ query: CHANGES, variables: { since } })
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const { data } of events) if (seen.push(data?.['changes']) === 4) return
    })()
    await until(() => seen.length === 2)
    await setFlag('after-1')
    await setFlag('after-2')
    await reading
    expect(seen.map((change) => (change as { revision: number }).revision)).toEqual([1, 2, 3, 4].map((step) => since + step))
  })

  it('reads each event from the state of its time', async () => {
    const query =
      'subscription ($since: Int) { changes(filter: { sinceRevision: $since }) { revision actor { name apiClient { version } } } }'
    const since = server.services.ledger.snapshot.revision
    const { client, key } = await server.addClient({ name: 'writer', role: 'OPERATOR' })
    const events = clientWith({ apiKey: server.adminKey }).iterate({ query, variables: { since } })
    expect((await events.next()).value.data).toEqual({ changes: { revision: since + 1, actor: { name: 'system', apiClient: null } } })
    await server.changeClient(client, { description: 'changed after the subscription began' })
    await server.gql('mutation { setFeatureFlag(input: { key: "by-writer" }) { revision } }', {}, { key })
    await events.next()
    expect((await events.next()).value.data).toEqual({
      changes: { revision: since + 3, actor: { name: 'writer', apiClient: { version: 2 } } },
    })
    await events.return?.()
  })

  it('is closed with 4403 at once when its key stops working', async () => {
    const { client, key } = await server.addClient({ name: 'to be stopped' })
    const { closed, messages, say } = await open({ apiKey: key })
    await until(() => messages.length > 0)
    say({ id: '1', type: 'subscribe', payload: { query: 'subscription { changes { id } }' } })
    await server.changeClient(client, { isActive: false })
    expect(await closed).toEqual({ code: 4403, reason: 'key no longer valid' })
  })

  it('that ends its own key, beside a subscription, is closed with the answer, which holds the next key', async () => {
    const ends = {
      rotateApiKey: 'mutation ($id: ID!) { rotateApiKey(input: { id: $id, overlapSeconds: 0 }) { apiKey userErrors { code } } }',
      deactivateApiClient: 'mutation ($id: ID!) { deactivateApiClient(input: { id: $id, reason: "over" }) { userErrors { code } } }',
      updateApiClient: 'mutation ($id: ID!) { updateApiClient(input: { id: $id, role: OBSERVER }) { userErrors { code } } }',
    }
    for (const [name, query] of Object.entries(ends)) {
      const { client, key } = await server.addClient({ name: `ends itself by ${name}`, role: 'ADMIN' })
      const { closed, messages, say } = await open({ apiKey: key })
      await until(() => messages.length > 0)
      say({ id: 'events', type: 'subscribe', payload: { query: 'subscription { systemStatus { revision } }' } })
      await until(() => messages.some(({ id }) => id === 'events'))
      say({ id: 'end', type: 'subscribe', payload: { query, variables: { id: client.id } } })
      expect(await closed).toEqual({ code: 4403, reason: 'key no longer valid' })
      const answer = messages.find(({ id, type }) => id === 'end' && type === 'next')?.payload
      expect(answer).toMatchObject({ data: { [name]: { userErrors: [] } } })
      if (name !== 'rotateApiKey') continue
      const { apiKey } = (answer as { data: { rotateApiKey: { apiKey: string } } }).data.rotateApiKey
      expect((await server.gql('{ viewer { role } }', {}, { key: apiKey })).data).toEqual({ viewer: { role: 'ADMIN' } })
    }
  })

  it('is closed when its key expires', async () => {
    const { key } = await server.addClient({ name: 'short', expiresAt: new Date(clock.wallMs + 1_000) })
    const { closed, messages } = await open({ apiKey: key })
    await until(() => messages.length > 0)
    clock.pass(1_000)
    expect(await closed).toEqual({ code: 4403, reason: 'key no longer valid' })
  })

  it('that is too slow is closed with 4413, and told where to go on without a gap', async () => {
    const { closed, messages, say, socket } = await open({ apiKey: server.adminKey })
    await until(() => messages.length > 0)
    const since = server.services.ledger.snapshot.revision
    say({
      id: '1',
      type: 'subscribe',
      payload: { query: `subscription { changes(filter: { sinceRevision: ${since} }) { revision after } }` },
    })
    await until(() => server.connections.size > 0)
    socket.pause()
    // More than the system's own buffers take, then more than may wait.
    const value = 'x'.repeat(60_000)
    const set = 'mutation ($key: String!, $value: JSON) { setConfig(input: { key: $key, value: $value }) { revision } }'
    for (let index = 0; index < 150; index += 1) await server.gql(set, { key: `large-${index}`, value })
    await Promise.all(Array.from({ length: 1_100 }, (_, index) => server.addClient({ name: `many ${index}` })))
    socket.resume()
    const { code, reason } = await closed
    expect([code, reason]).toEqual([4413, expect.stringMatching(/^too slow: resume with sinceRevision \d+$/)])
    const received = messages.flatMap((message) =>
      message['type'] === 'next' ? [(message['payload'] as ChangePayload).data.changes.revision] : [],
    )
    expect(received).toEqual(received.map((_, index) => since + 1 + index))
    expect(Number(reason.split(' ').at(-1))).toBe(received.at(-1))
  })
})

describe('the end of the server', () => {
  it('comes to subscriptions behind the last event, with 1001', async () => {
    const ending = await startTestServer()
    const socket = new WebSocket(address(ending), PROTOCOL)
    const messages: { type: string; payload?: { data: { changes: { targetId: string } } } }[] = []
    socket.on('message', (data) => messages.push(JSON.parse(String(data))))
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: ending.adminKey } }))
    await until(() => messages.length > 0)
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { changes { targetId revision } }' } }))
    // Answers come in the order of the questions: the subscription stands when this is answered.
    socket.send(JSON.stringify({ id: '2', type: 'subscribe', payload: { query: '{ viewer { role } }' } }))
    await until(() => messages.some(({ type }) => type === 'complete'))
    const closed = once(socket, 'close')
    const writes = Array.from({ length: 20 }, (_, index) => ending.addClient({ name: `last ${index}` }))
    await new Promise(setImmediate)
    await Promise.all([...writes, ending.close()])
    const [code, reason] = await closed
    expect([code, String(reason)]).toEqual([1001, 'The server is shutting down'])
    expect(messages.filter(({ type }) => type === 'next')).toHaveLength(21)
  })
})
