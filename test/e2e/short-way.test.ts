import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

/** What is asked: a document with its variables and what else differs from a plain request. */
interface Asked {
  readonly query: string
  readonly variables?: unknown
  readonly operationName?: unknown
  readonly headers?: Record<string, string>
  /** Whose key; the admin's, if not said. */
  readonly role?: 'OBSERVER' | 'ADMIN'
}

const FLAG = '{ key isEnabled description strategies { rolloutPercent constraints { contextField operator values } } variants { name } }'
const CONTEXT =
  'query ($key: String!, $context: EvaluationContextInput) { evaluateFlag(key: $key, context: $context) { isEnabled reason } }'
const STRICT = { accept: 'application/graphql-response+json' }

/** Of each kind of outcome at least one. */
const CASES: Readonly<Record<string, Asked>> = {
  'a query': { query: '{ viewer { name role permissions } }' },
  'aliases and fragments': {
    query: `query A { one: featureFlag(key: "a") ${FLAG} ...F two: featureFlag(key: "nope") { key } } fragment F on Query { one: featureFlag(key: "a") { version key } ... on Query { __typename } }`,
  },
  'a list': {
    query: `{ featureFlags(first: 2) { totalCount pageInfo { endCursor hasNextPage } edges { cursor node ${FLAG} } nodes { createdAt } } }`,
  },
  'a list by variables': {
    query: 'query ($n: Int, $f: FeatureFlagFilter) { featureFlags(first: $n, filter: $f) { nodes { key } } }',
    variables: { n: 1 },
  },
  'a broken cursor': { query: '{ featureFlags(after: "x") { nodes { key } } configs { totalCount } }' },
  'rows of the log': {
    query: '{ featureFlags { nodes { key lastChange { revision action before after } history(first: 1) { nodes { id } } } } }',
  },
  'an evaluation': { query: CONTEXT, variables: { key: 'a', context: { userId: 'u-1', properties: { plan: 'pro' } } } },
  'null for what may be null': { query: CONTEXT, variables: { key: 'a', context: null } },
  'a variable of the wrong type': { query: CONTEXT, variables: { key: 7, context: { userId: [] } } },
  'a variable that is missing': { query: CONTEXT },
  'a moment that is none': {
    query: 'query ($t: DateTimeISO) { featureFlags(filter: { unusedSince: $t }) { totalCount } }',
    variables: { t: 'now' },
  },
  'an argument that is refused': { query: CONTEXT, variables: { key: 'a', context: { properties: { a: [] } } } },
  'one part refused': { query: '{ featureFlag(key: "a") { key } featureFlags(first: 1000) { totalCount } }' },
  'what the role may not do': { query: '{ auditEvents { totalCount } }', role: 'OBSERVER' },
  'a part that the role may not see': { query: '{ viewer { role } auditEvents { totalCount } }', role: 'OBSERVER' },
  'the same in the strict media type': { query: '{ auditEvents { totalCount } }', role: 'OBSERVER', headers: STRICT },
  'data in the strict media type': { query: '{ viewer { role } }', headers: STRICT },
  'several media types': {
    query: '{ viewer { role } }',
    headers: { accept: 'application/graphql-response+json;q=0.5, application/json;q=0.9' },
  },
  'a media type that there is not': { query: '{ viewer { role } }', headers: { accept: 'text/csv' } },
  'a directive': { query: 'query ($no: Boolean!) { viewer { role name @skip(if: $no) } }', variables: { no: true } },
  'a name of an operation': { query: 'query A { viewer { role } } query B { viewer { name } }', operationName: 'B' },
  'a name that there is not': { query: 'query A { viewer { role } } query B { viewer { name } }', operationName: 'C' },
  'no name where one is needed': { query: 'query A { viewer { role } } query B { viewer { name } }' },
  'a name that is none': { query: '{ viewer { role } }', operationName: 5 },
  'an empty name': { query: '{ viewer { role } }', operationName: '' },
  'variables that are none': { query: '{ viewer { role } }', variables: [] },
  'a document that is none': { query: '{ viewer {' },
  'a field that there is not': { query: '{ nope }' },
  'a document that is too deep': { query: `{ ${'a { '.repeat(20)}b${' }'.repeat(20)} }` },
  'a document that asks for too much': {
    query:
      '{ featureFlags(first: 100) { nodes { history(first: 100) { nodes { id } } } } a: featureFlags(first: 100) { nodes { history(first: 100) { nodes { id } } } } }',
  },
  introspection: { query: '{ __schema { queryType { name } } }' },
  'a name that objects have': { query: '{ __proto__: viewer { role constructor: name } }' },
  'a subscription': { query: 'subscription { changes { id } }' },
  'a mutation with user errors': {
    query: 'mutation { setFeatureFlag(input: { key: "not a key" }) { featureFlag { key } userErrors { code field message } } }',
  },
}

let reference: TestServer
let server: TestServer
let database: Awaited<ReturnType<typeof createTestDatabase>>
let observerId: string
let keys: Readonly<Record<string, string>>

const REQUEST_ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g
const withoutCounts = (text: string): string => text.replace(/;r=\d+/g, '')
const ownOf = (text: string): string => text.replace(REQUEST_ID, 'id')

/** What is answered over HTTP; a request id is another one each time. */
async function ask({ url }: TestServer, { headers, role = 'ADMIN', ...body }: Asked) {
  const init = { 'content-type': 'application/json', authorization: `Bearer ${keys[role]}`, ...headers }
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers: init, body: JSON.stringify(body) })
  const { date: _date, ...others } = Object.fromEntries(response.headers)
  return ownOf(JSON.stringify([response.status, others, await response.text()]))
}

/** What is answered over a WebSocket. */
async function askSocket({ url }: TestServer, { role = 'ADMIN', headers: _headers, ...payload }: Asked) {
  const { socket, messages, say } = await openSocket(url, { apiKey: keys[role] })
  await until(() => messages.length > 0)
  say({ id: 'asked', type: 'subscribe', payload })
  await until(() => messages.length > 1)
  socket.close()
  return ownOf(JSON.stringify(messages[1]))
}

async function catchUp(): Promise<void> {
  await until(() => reference.services.ledger.snapshot.revision === server.services.ledger.snapshot.revision)
}

const MODE = 'mutation ($i: SetMaintenanceModeInput!) { setMaintenanceMode(input: $i) { userErrors { message } } }'
const DEACTIVATE = 'mutation ($i: DeactivateApiClientInput!) { deactivateApiClient(input: $i) { userErrors { message } } }'
const RULE = 'mutation ($i: SetRateLimitRuleInput!) { setRateLimitRule(input: $i) { userErrors { message } } }'

describe.runIf(await usePostgres())('a known document', () => {
  beforeAll(async () => {
    database = await createTestDatabase()
    const clock = new HandClock()
    const settings = { DATABASE_URL: database.url }
    server = await startTestServer(settings, {}, { clock })
    reference = await startTestServer(settings, {}, { clock, shortcuts: { isApolloSpared: false, isPlanned: false } })
    expect(reference.services.ledger.snapshot.revision).toBe(server.services.ledger.snapshot.revision)
    const { client, key } = await server.addClient({ name: 'observer', role: 'OBSERVER' })
    keys = { ADMIN: server.adminKey, OBSERVER: key }
    observerId = client.id
    const strategies = [
      { rolloutPercent: 50, stickiness: 'userId', constraints: [{ contextField: 'plan', operator: 'IN', values: ['pro'] }] },
    ]
    for (const key of ['a', 'b', 'c']) {
      const { data } = await server.gql('mutation ($i: SetFeatureFlagInput!) { setFeatureFlag(input: $i) { userErrors { message } } }', {
        i: { key, strategies },
      })
      expect(data).toEqual({ setFeatureFlag: { userErrors: [] } })
    }
    for (const scope of ['IP', 'API_KEY', 'GLOBAL']) {
      const { data } = await server.gql(RULE, { i: { scope, key: '*', windowSeconds: 3600, maxRequests: 100_000 } })
      expect(data).toEqual({ setRateLimitRule: { userErrors: [] } })
    }
    await catchUp()
  })
  afterAll(async () => {
    await server?.close()
    await reference?.close()
    await database?.drop()
  })

  it.each(Object.entries(CASES))('is answered as the reference answers it, byte by byte: %s', async (_, asked) => {
    for (let time = 0; time < 3; time += 1) expect(await ask(server, asked)).toBe(await ask(reference, asked))
  })

  it.each(Object.entries(CASES).filter(([name]) => !/media type|a name that is none|variables that are none|a subscription/.test(name)))(
    'is answered over a socket as the reference answers it: %s',
    async (_, asked) => {
      for (let time = 0; time < 2; time += 1) expect(await askSocket(server, asked)).toBe(await askSocket(reference, asked))
    },
  )

  it.each(['a name that there is not', 'no name where one is needed', 'an empty name'])(
    'has the same said over a socket as over HTTP: %s',
    async (name) => {
      const asked = CASES[name] as Asked
      const [, , text] = JSON.parse(await ask(server, asked))
      expect(JSON.parse(await askSocket(server, asked)).payload).toEqual(JSON.parse(text).errors)
    },
  )

  it('goes to Apollo once, and never again', async () => {
    const before = await server.executions()
    for (let time = 0; time < 5; time += 1) await ask(server, { query: '{ viewer { role } again: viewer { role } }' })
    const { apollo, short } = await server.executions()
    expect([apollo - before.apollo, short - before.short]).toEqual([1, 4])
  })

  it('is refused by the mode, the limits and the key of the moment, as by the reference', async () => {
    const asked: Asked = { query: '{ featureFlags { totalCount } }', role: 'OBSERVER' }
    const statuses = async (): Promise<number[]> => {
      const found: number[] = []
      for (let time = 0; time < 2; time += 1) {
        const answer = await ask(server, asked)
        // The changes themselves are counted by one of the two alone.
        expect(withoutCounts(answer)).toBe(withoutCounts(await ask(reference, asked)))
        found.push(JSON.parse(answer)[0])
      }
      return found
    }
    const change = async (mutation: string, i: object): Promise<void> => {
      const { data, errors } = await server.gql(mutation, { i })
      expect([errors, Object.values(data ?? {})]).toEqual([undefined, [{ userErrors: [] }]])
      await catchUp()
    }
    const setMode = (mode: string) => change(MODE, { mode })
    expect(await statuses()).toEqual([200, 200])
    const before = await server.executions()
    await setMode('MAINTENANCE')
    expect(await statuses()).toEqual([503, 503])
    await setMode('NORMAL')
    expect(await statuses()).toEqual([200, 200])
    await change(RULE, { scope: 'API_KEY', key: observerId, windowSeconds: 60, maxRequests: 1 })
    expect(await statuses()).toEqual([200, 429])
    await change(DEACTIVATE, { id: observerId })
    expect(await statuses()).toEqual([401, 401])
    // Five of the asks got as far as the guard, and two of the four changes were known documents.
    const after = await server.executions()
    expect(after.short - before.short).toBe(5 + 2)
    expect(after.apollo - before.apollo).toBe(2)
  })
})
