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
  readonly role?: 'EVALUATOR'
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
  'what the role may not do': { query: '{ apiClients { totalCount } }', role: 'EVALUATOR' },
  'a part that the role may not see': { query: '{ viewer { role } apiClients { totalCount } }', role: 'EVALUATOR' },
  'the same in the strict media type': { query: '{ apiClients { totalCount } }', role: 'EVALUATOR', headers: STRICT },
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
let keys: Readonly<Record<string, string>>

const REQUEST_ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g
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

/** Executions by their way, as the metrics show them. */
async function countsOf({ url }: TestServer): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${keys['ADMIN']}` } })).text()
  const lines = text.matchAll(/^valhalla_executions_total\{way="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries([...lines].map(([, way, count]) => [way, Number(count)]))
}

async function catchUp(): Promise<void> {
  await until(() => reference.services.ledger.snapshot.revision === server.services.ledger.snapshot.revision)
}

const RULE = 'mutation ($i: SetRateLimitRuleInput!) { setRateLimitRule(input: $i) { userErrors { message } } }'

describe.runIf(await usePostgres())('a known document', () => {
  beforeAll(async () => {
    database = await createTestDatabase()
    const clock = new HandClock()
    const settings = { DATABASE_URL: database.url }
    server = await startTestServer(settings, {}, { clock })
    reference = await startTestServer(settings, {}, { clock, shortcuts: { isApolloSpared: false, isPlanned: false } })
    keys = { ADMIN: server.adminKey, EVALUATOR: (await server.addClient({ name: 'evaluator', role: 'EVALUATOR' })).key }
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

  it('goes to Apollo once, and never again', async () => {
    const before = await countsOf(server)
    for (let time = 0; time < 5; time += 1) await ask(server, { query: '{ viewer { role } packs { id } }' })
    const after = await countsOf(server)
    expect([after['apollo'], after['short']]).toEqual([(before['apollo'] ?? 0) + 1, (before['short'] ?? 0) + 4])
    expect((await countsOf(reference))['short']).toBe(0)
  })
})
