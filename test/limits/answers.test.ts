import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { type BareSocket, openSocket } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

const MAX_BYTES = 65_536
const VALUE = 'x'.repeat(10_000)
/** What a client sends that has found the lists within lists. */
const HEAVY = `{ ${Array.from({ length: 20 }, (_, n) => `a${n}: configs(first: 100) { nodes { value history(first: 100) { nodes { before after } } } }`).join(' ')} }`
const SET = 'mutation ($input: SetConfigInput!) { setConfig(input: $input) { configEntry { value } revision userErrors { message } } }'

let server: TestServer
let key: string
/** That of the first entry. */
let firstRevision: number

/** Ten entries of 10,000 bytes, one of which has been changed nine times. */
beforeAll(async () => {
  server = await startTestServer({ VALHALLA_MAX_ANSWER_BYTES: String(MAX_BYTES) })
  key = (await server.addClient({ name: 'observer', role: 'OBSERVER' })).key
  firstRevision = server.services.ledger.snapshot.revision + 1
  for (let index = 0; index < 10; index += 1) await set(`entry/${index}`, VALUE)
  for (let version = 1; version < 10; version += 1) await set('entry/0', `${version}${VALUE}`)
})
afterAll(() => server.close())

async function set(entry: string, value: unknown): Promise<void> {
  const { data } = await server.gql(SET, { input: { key: entry, value } })
  expect(data).toMatchObject({ setConfig: { userErrors: [] } })
}

const ask = (query: string, variables = {}) => server.gql(query, variables, { key })

const HEAVY_FAULT = {
  message:
    'This operation asks for up to 202000 objects; one call may ask for 10000. The most come from the list `a0.nodes.history` (up to 10000): give it or the lists around it a smaller `first`, or ask in several calls.',
  extensions: { code: 'BAD_USER_INPUT', weight: 202_000, allowed: 10_000, list: 'a0.nodes.history' },
}
const LARGE_FAULT = {
  message: `The answer would have more than ${MAX_BYTES} bytes. Ask for less at once: a smaller \`first\`, or fewer fields. What a mutation has written stands.`,
  extensions: { code: 'BAD_USER_INPUT', maxAnswerBytes: MAX_BYTES },
}

/** The answer to one operation on a socket of its own. */
async function askSocket(query: string, withKey = key): Promise<BareSocket> {
  const bare = await openSocket(server.url, { apiKey: withKey })
  await until(() => bare.messages.length > 0)
  bare.ask('1', query)
  await until(() => bare.messages.length > 1)
  return bare
}

describe('an operation that asks for too many objects', () => {
  it('is refused with its weight and the list that causes it', async () => {
    const { status, data, errors } = await ask(HEAVY)
    expect({ status, data, errors }).toEqual({ status: 400, data: undefined, errors: [HEAVY_FAULT] })
  })

  it('is refused on a socket just the same, also where it would subscribe', async () => {
    const bare = await askSocket(HEAVY)
    expect(bare.messages[1]).toEqual({ id: '1', type: 'error', payload: [HEAVY_FAULT] })
    bare.socket.close()
  })

  it('changes nothing as a mutation', async () => {
    const history = 'history(first: 100) { nodes { actor { id } } edges { node { actor { id } } } }'
    const writes = Array.from(
      { length: 20 },
      (_, n) =>
        `m${n}: setConfig(input: { key: "heavy", value: ${n} }) { configEntry { ${history} ${n < 10 ? `again: ${history}` : ''} } }`,
    )
    const { status, errors } = await server.gql(`mutation { ${writes.join(' ')} }`)
    expect([status, errors?.[0]?.extensions]).toEqual([400, expect.objectContaining({ list: 'm0.configEntry.history', allowed: 10_000 })])
    expect(server.services.ledger.snapshot.table('ConfigEntry').get('heavy')).toBeUndefined()
  })

  it('costs one unit for every hundred objects besides its fields, and nothing for fewer', async () => {
    const { client, key: limited } = await server.addClient({ name: 'limited', role: 'OBSERVER' })
    const input = { scope: 'API_KEY', key: client.id, windowSeconds: 600, maxRequests: 20 }
    await server.gql('mutation ($input: SetRateLimitRuleInput!) { setRateLimitRule(input: $input) { revision } }', { input })
    const left = async (query: string, variables = {}) => {
      const { headers } = await server.gql(query, variables, { key: limited })
      return Number(/;r=(\d+);/.exec(headers.get('ratelimit') ?? '')?.[1])
    }
    expect(await left('{ configs(first: 99) { nodes { key } } }')).toBe(19)
    expect(await left('{ configs(first: 100) { nodes { key } } }')).toBe(17)
    expect(await left('query ($n: Int!) { configs(first: $n) { nodes { history(first: 10) { nodes { id } } } } }', { n: 50 })).toBe(11)
    // What is refused for its weight costs as much as any document that is refused.
    expect(await left(HEAVY)).toBe(10)
    const { status, errors } = await server.gql(
      '{ configs(first: 100) { nodes { history(first: 10) { nodes { id } } } } }',
      {},
      { key: limited },
    )
    expect([status, errors?.[0]?.message, errors?.[0]?.extensions]).toEqual([
      429,
      expect.stringMatching(
        /^The rate limit "api-key" \(20 in 600 s\) does not allow this call now: it costs 12, and 10 is left\. Try again in \d+ s\.$/,
      ),
      { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number), cost: 12, remaining: 10 },
    ])
    const never = await server.gql('{ configs(first: 100) { nodes { history(first: 20) { nodes { id } } } } }', {}, { key: limited })
    expect(never.errors?.[0]?.message).toBe(
      'This call costs 22, which is more than the rate limit "api-key" (20 in 600 s) ever allows. Ask for less at once.',
    )
  })
})

describe('an answer', () => {
  it('of as many bytes as it may have is given', async () => {
    const { status, data, errors } = await ask('{ configs(first: 6) { nodes { key value } } }')
    expect([status, errors]).toEqual([200, undefined])
    expect(JSON.stringify(data).length).toBeGreaterThan(MAX_BYTES * 0.9)
  })

  it.each([
    ['the state', '{ configs(first: 7) { nodes { key value } } }'],
    ['the log', '{ config(key: "entry/0") { history(first: 10) { nodes { before after } } } }'],
    ['the newest changes', '{ configs(first: 10) { nodes { lastChange { after } } } }'],
    [
      'one value over and over',
      `{ ${Array.from({ length: 8 }, (_, n) => `a${n}: config(key: "entry/9") { lastChange { after } }`).join(' ')} }`,
    ],
    [
      'names alone',
      `{ ${Array.from({ length: 2 }, (_, n) => `a${n}: operations { ${'i'.repeat(120)}${n}: name description sample }`).join(' ')} }`,
    ],
    ['what nobody counts', `{ operations { ${Array.from({ length: 16 }, (_, n) => `${'t'.repeat(120)}${n}: __typename`).join(' ')} } }`],
  ])('that %s makes too large is refused as a whole', async (_, query) => {
    const { status, data, errors } = await ask(query)
    expect({ status, data, errors }).toEqual({ status: 400, data: undefined, errors: [LARGE_FAULT] })
  })

  it('is measured as it is written: what is escaped takes more', async () => {
    for (let index = 0; index < 3; index += 1) await set(`escaped/${index}`, '\u0001'.repeat(5_000))
    const { status, errors } = await ask('{ configs(first: 3, filter: { prefix: "escaped" }) { nodes { value } } }')
    expect([status, errors]).toEqual([400, [LARGE_FAULT]])
  })

  it('leaves what a call does not ask for in the log, however large that is', async () => {
    const { status, data } = await ask(
      '{ configs(first: 10) { nodes { key history(first: 10) { nodes { revision } totalCount } lastChange { revision action } } } }',
    )
    // Entry after entry was made, then the first one changed nine times.
    const nodes = Array.from({ length: 10 }, (_, index) => {
      const revisions =
        index === 0
          ? Array.from({ length: 10 }, (_none, nth) => (nth === 9 ? firstRevision : firstRevision + 18 - nth))
          : [firstRevision + index]
      return {
        key: `entry/${index}`,
        history: { nodes: revisions.map((revision) => ({ revision })), totalCount: revisions.length },
        lastChange: { revision: revisions[0], action: index === 0 ? 'UPDATE' : 'CREATE' },
      }
    })
    expect([status, data]).toEqual([200, { configs: { nodes } }])
  })

  it('of a mutation is refused too, and says that what was written stands', async () => {
    const query =
      'mutation { setConfig(input: { key: "entry/1", value: 1 }) { configEntry { history(first: 10) { nodes { before } } } revision } }'
    const eight =
      'mutation ($input: SetConfigInput!) { setConfig(input: $input) { revision a: configEntry { value } b: configEntry { value } c: configEntry { value } d: configEntry { value } e: configEntry { value } f: configEntry { value } g: configEntry { value } } }'
    expect((await server.gql(query)).status).toBe(200)
    const { status, errors } = await server.gql(eight, { input: { key: 'entry/1', value: `new ${VALUE}` } })
    expect([status, errors]).toEqual([400, [LARGE_FAULT]])
    expect((await ask('{ config(key: "entry/1") { value } }')).data).toEqual({ config: { value: `new ${VALUE}` } })
  })

  it('is refused on a socket as a whole', async () => {
    const bare = await askSocket('{ configs(first: 7) { nodes { key value } } }')
    expect(bare.messages[1]).toEqual({ id: '1', type: 'next', payload: { errors: [LARGE_FAULT] } })
    bare.socket.close()
  })

  it('to one event is refused alone: its subscription goes on', async () => {
    const fields = Array.from({ length: 7 }, (_, n) => `v${n}: after`).join(' ')
    const bare = await openSocket(server.url, { apiKey: key })
    await until(() => bare.messages.length > 0)
    bare.ask('1', `subscription { changes { targetId ${fields} } }`)
    await until(() => [...server.connections].some(({ operations }) => [...operations.values()].some(({ stream }) => stream)))
    await set('event', VALUE)
    await set('event', 'short')
    await until(() => bare.messages.length === 3)
    expect(bare.messages[1]?.payload).toEqual({ errors: [LARGE_FAULT] })
    expect(bare.messages[2]?.payload).toMatchObject({ data: { changes: { v6: { value: 'short' } } } })
    bare.socket.close()
  })
})
