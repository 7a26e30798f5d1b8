import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { forgedKey } from '../testkit/api-clients.js'
import { type GraphQLAnswer, type RequestOptions, startTestServer, type TestServer } from '../testkit/server.js'
import { until } from '../testkit/until.js'

/**
 * Canary: whatever is done with keys, rightly and wrongly, at the most talkative log level, no part of a key that could be
 * of use to anybody stays anywhere.
 */
let server: TestServer
let socket: Client
/** Every key that this run has known, by what it was for. */
const keys = new Map<string, string>()
/** Every answer that says that something was wrong. */
const refusals: string[] = []
/** What is written past the log. */
const printed: string[] = []

function know(name: string, key: unknown): string {
  if (typeof key !== 'string' || !/^vk_test_\w{12}_\w{32}_\w{6}$/.test(key)) throw new Error(`${name} is no key: ${key}`)
  keys.set(name, key)
  return key
}

async function gql(query: string, variables?: Record<string, unknown>, options?: RequestOptions): Promise<GraphQLAnswer> {
  const answer = await server.gql(query, variables, options)
  const text = JSON.stringify({ ...answer, headers: Object.fromEntries(answer.headers) })
  if (answer.errors || /"userErrors":\[\{/.test(text)) refusals.push(text)
  return answer
}

/** The one member of an answer's data. */
async function payload(query: string, variables?: Record<string, unknown>, options?: RequestOptions): Promise<Record<string, unknown>> {
  const { data } = await gql(query, variables, options)
  return Object.values(data ?? {})[0] as unknown as Record<string, unknown>
}

const PARTS = 'apiClient { id keyPreview } apiKey revision userErrors { code field message }'
const REGISTER = `mutation ($i: RegisterApiClientInput!) { registerApiClient(input: $i) { ${PARTS} } }`
const ROTATE = `mutation ($i: RotateApiKeyInput!) { rotateApiKey(input: $i) { ${PARTS} } }`
const VERIFY = 'mutation ($i: VerifyApiKeyInput!) { verifyApiKey(input: $i) { verdict userErrors { code field message } } }'
const SET_CONFIG = 'mutation ($i: SetConfigInput!) { setConfig(input: $i) { revision userErrors { code field message } } }'
const SET_FLAG = 'mutation ($i: SetFeatureFlagInput!) { setFeatureFlag(input: $i) { revision userErrors { code field message } } }'
const RUN = 'mutation ($i: RunAdminOperationInput!) { runAdminOperation(input: $i) { revision userErrors { code field message } } }'
const registration = (name: string, rest: object = {}) => ({ i: { name, clientType: 'SCRIPT', role: 'ADMIN', ...rest } })

beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...given: unknown[]) => boolean
    vi.spyOn(stream, 'write').mockImplementation((...given: unknown[]) => {
      printed.push(String(given[0]))
      return write(...given)
    })
  }
  server = await startTestServer({ LOG_LEVEL: 'trace', VALHALLA_KEY_PEPPER: 'a pepper of some length' })
  know('of the first admin', server.adminKey)
  socket = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: server.adminKey },
    retryAttempts: 0,
  })
  await useKeys()
  await misuseKeys()
  await useKeysOverSocket()
  await server.services.audit.flush()
  await server.services.usage.flush()
})
afterAll(async () => {
  vi.restoreAllMocks()
  await socket.dispose()
  await server.close()
})

/** Registers, replays, rotates, verifies, deactivates. */
async function useKeys(): Promise<void> {
  const input = registration('registered', { reason: 'a canary', idempotencyKey: 'once' })
  const registered = await payload(REGISTER, input)
  const key = know('of a registered client', registered['apiKey'])
  expect((await payload(REGISTER, input))['apiKey']).toBe(null)
  await gql(REGISTER, registration('another', { idempotencyKey: 'once' }))
  const { id } = registered['apiClient'] as { id: string }
  const rotated = know('that replaced it', (await payload(ROTATE, { i: { id, overlapSeconds: 60 } }))['apiKey'])
  const last = know('that replaced that', (await payload(ROTATE, { i: { id } }))['apiKey'])
  for (const apiKey of [key, rotated, last]) {
    await gql(VERIFY, { i: { apiKey, permission: 'flags:write' } })
    await gql('{ viewer { role } }', {}, { key: apiKey })
  }
  await gql('mutation ($i: DeactivateApiClientInput!) { deactivateApiClient(input: $i) { revision userErrors { code } } }', { i: { id } })
  await gql(VERIFY, { i: { apiKey: last } })
  await gql('{ viewer { role } }', {}, { key: last })
}

/** Puts keys where they do not belong. Each is one that works, or nothing would be at stake. */
async function misuseKeys(): Promise<void> {
  const unknown = know('that nobody has', generateApiKey('test'))
  const forged = know('with a right id and a wrong secret', forgedKey(server.adminKey))
  for (const wrong of [unknown, forged]) {
    await gql('{ viewer { role } }', {}, { key: wrong })
    await gql('{ viewer { role } }', {}, { key: null, headers: { 'x-api-key': wrong } })
    await gql(VERIFY, { i: { apiKey: wrong } })
  }
  await gql('{ viewer { role } }', {}, { headers: { 'x-api-key': unknown } })
  const key = know('in the wrong place', (await payload(REGISTER, registration('misused')))['apiKey'])
  for (const query of wrongDocuments(key)) await gql(query)
  await gql('query ($t: ClientType) { apiClients(filter: { clientType: $t }) { totalCount } }', { t: key })
  await gql('query ($n: Int) { apiClients(first: $n) { totalCount } }', { n: key })
  await gql('query ($d: DateTimeISO) { apiClients(filter: { expiresBefore: $d }) { totalCount } }', { d: key })
  await gql('query ($a: String) { changes(after: $a) { totalCount } auditEvents(after: $a) { totalCount } }', { a: key })
  await gql(REGISTER, { i: { name: 'x', clientType: key, role: key, [key]: key } })
  await gql(VERIFY, { i: { apiKey: key, permission: key } })
  for (const text of [key, `see ${key}.`, `${key}${key}`]) {
    await gql(REGISTER, registration(text))
    await gql(REGISTER, registration('described', { description: text, reason: text }))
    await gql(ROTATE, { i: { id: text, reason: text } })
    await gql(SET_FLAG, { i: { key: 'flag', description: text, group: text, reason: text } })
    await gql(SET_CONFIG, { i: { key: 'config', value: text, reason: 'why' } })
    await gql(SET_CONFIG, { i: { key: 'config', value: { deep: [{ [text]: '\u0000' }] } } })
    await gql(SET_CONFIG, { i: { key: 'config', value: { [text]: 1 }, description: text } })
    await gql(SET_CONFIG, { i: { key: text, value: 1, valueSchema: { const: text } } })
    await gql(RUN, { i: { steps: [{ setFeatureFlag: { key: 'step', reason: text } }] } })
  }
  await gql(REGISTER, registration('by its key', { idempotencyKey: key }))
  await gql(RUN, { i: { steps: [{ setFeatureFlag: { key: 'step' } }], idempotencyKey: key } })
  await gql(SET_FLAG, { i: { key: 'traced' } }, { headers: { 'x-request-id': key } })
  await gql(
    SET_FLAG,
    { i: { key: 'forwarded' } },
    { headers: { 'x-forwarded-for': key, 'x-valhalla-user': key, origin: key, cookie: key } },
  )
  await countKeys(key)
  await sendRaw(key)
}

/** Names keys as subjects of rate limits, where a client's id or a user belongs. */
async function countKeys(key: string): Promise<void> {
  const rule = 'mutation ($i: SetRateLimitRuleInput!) { setRateLimitRule(input: $i) { revision userErrors { field message } } }'
  for (const scope of ['API_KEY', 'USER', 'GLOBAL']) await gql(rule, { i: { scope, windowSeconds: 3_600, maxRequests: 1_000_000 } })
  for (const scope of ['API_KEY', 'USER', 'IP', 'GLOBAL']) {
    for (const text of [key, `a:${key}`]) {
      await gql(rule, { i: { scope, key: text, windowSeconds: 60, maxRequests: 10, description: text } })
      await gql('mutation ($i: ConsumeRateLimitInput!) { consumeRateLimit(input: $i) { userErrors { field message } } }', {
        i: { scope, key: text },
      })
    }
  }
  await gql('{ viewer { role } }', {}, { headers: { 'x-valhalla-user': key } })
  await gql('{ viewer { role } }', {}, { headers: { 'x-valhalla-user': `user ${key}` } })
  const count = async () => (await server.services.database.ask('SELECT 1 FROM rate_limit_snapshots')).rowCount ?? 0
  await until(async () => (await count()) >= 2)
}

/** Documents that hold a key where a name or another type belongs. */
function wrongDocuments(key: string): string[] {
  return [
    `{ ${key} }`,
    `{ viewer { ${key} } }`,
    `{ apiClients(first: "${key}") { totalCount } }`,
    `{ apiClients(filter: { role: ${key} }) { totalCount } }`,
    `{ apiClient(id: "${key}") { id } }`,
    `query ($${key}: Int) { viewer { role } }`,
    `query { ...${key} }`,
    `{ viewer { role } } "${key}`,
    `# ${key}\n{ viewer { role }`,
    `{ viewer { role @${key} } }`,
  ]
}

/** Requests that no GraphQL client would send. */
async function sendRaw(key: string): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const at = `${server.url}/graphql`
  const requests: [string, RequestInit][] = [
    [`${at}?query=${encodeURIComponent(`{ ${key} }`)}`, { headers }],
    [`${at}?apiKey=${key}`, {}],
    [`${server.url}/${key}`, {}],
    [at, { method: 'POST', headers, body: key }],
    [at, { method: 'POST', headers, body: JSON.stringify([{ query: `{ ${key} }` }]) }],
    [at, { method: 'POST', headers, body: JSON.stringify({ query: '{ viewer { role } }', operationName: key }) }],
    [at, { method: 'POST', headers: { ...headers, 'content-type': key }, body: '{}' }],
    [at, { method: 'POST', headers: { ...headers, authorization: `Basic ${key}` }, body: '{}' }],
    [at, { method: 'POST', headers: { ...headers, authorization: key }, body: '{}' }],
    [`${server.url}/metrics`, { headers }],
  ]
  for (const [url, init] of requests) {
    const response = await fetch(url, init)
    refusals.push(JSON.stringify([await response.text(), Object.fromEntries(response.headers)]))
  }
}

async function useKeysOverSocket(): Promise<void> {
  const key = keys.get('in the wrong place') as string
  const queries = [
    ...wrongDocuments(key),
    'subscription { changes { nothing } }',
    `mutation { setFeatureFlag(input: { key: "s", reason: "${key}" }) { userErrors { field message } } }`,
  ]
  for (const query of queries) {
    try {
      for await (const answer of socket.iterate({ query })) refusals.push(JSON.stringify(answer))
    } catch (error) {
      refusals.push(JSON.stringify(error))
    }
  }
  for (const connectionParams of [
    { apiKey: keys.get('that nobody has') },
    { authorization: `Bearer ${keys.get('that nobody has')}` },
    { apiKey: { [key]: key } },
  ]) {
    const stranger = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams,
      retryAttempts: 0,
    })
    const failure = await stranger
      .iterate({ query: '{ viewer { role } }' })
      .next()
      .catch((error: unknown) => error)
    refusals.push(JSON.stringify({ code: (failure as { code?: number }).code, reason: (failure as { reason?: string }).reason }))
    await stranger.dispose()
  }
}

/** What must be found nowhere: each key, its secret, and the halves of that. The id is no secret, and nothing without it. */
function needles(): [string, string][] {
  return [...keys].flatMap(([name, key]): [string, string][] => {
    const secret = key.split('_')[3] as string
    return [
      [`the key ${name}`, key],
      [`the secret of the key ${name}`, secret],
      [`the first half of the secret of the key ${name}`, secret.slice(0, 16)],
      [`the second half of the secret of the key ${name}`, secret.slice(16)],
    ]
  })
}

/** The names of everything of {@link needles} that stands in a text. */
function found(text: string | Buffer): string[] {
  return needles().flatMap(([name, needle]) => (text.includes(needle) ? [name] : []))
}

/** Every row of every table, as text. */
async function dump(): Promise<Map<string, string>> {
  const { database } = server.services
  const tables = await database.ask<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  )
  const texts = new Map<string, string>()
  for (const { name } of tables.rows) {
    const { rows } = await database.ask<{ text: string }>(`SELECT t::text AS text FROM "${name}" t`)
    texts.set(name, rows.map(({ text }) => text).join('\n'))
  }
  return texts
}

describe('no part of a key', () => {
  it('stays in any table of the database', async () => {
    const tables = await dump()
    expect([...tables.keys()]).toEqual(
      expect.arrayContaining([
        'api_clients',
        'changes',
        'idempotency_records',
        'audit_events',
        'usage_marks',
        'system_config',
        'feature_flags',
      ]),
    )
    // The run has left its marks, or nothing would be proven.
    for (const name of ['api_clients', 'changes', 'idempotency_records', 'audit_events', 'usage_marks', 'feature_flags'])
      expect([name, tables.get(name)?.length]).not.toEqual([name, 0])
    expect([...tables].flatMap(([name, text]) => found(text).map((what) => `${name}: ${what}`))).toEqual([])
  })

  it('stays in the files of the database, its write-ahead log included', async () => {
    const { dataDir } = server.services.settings
    await server.services.database.ask('CHECKPOINT')
    const files = (await readdir(dataDir, { recursive: true, withFileTypes: true })).filter((file) => file.isFile())
    const traces: string[] = []
    let bytes = 0
    for (const { parentPath, name } of files) {
      const content = await readFile(join(parentPath, name))
      bytes += content.length
      traces.push(...found(content).map((what) => `${name}: ${what}`))
    }
    expect(bytes).toBeGreaterThan(1_000_000)
    expect(traces).toEqual([])
  })

  it('is logged or printed, at the most talkative level', () => {
    const log = JSON.stringify(server.logged)
    expect(server.logged.length).toBeGreaterThan(10)
    expect(found(log)).toEqual([])
    expect(found(printed.join(''))).toEqual([])
  })

  it('stands in an answer that refuses something', () => {
    expect(refusals.length).toBeGreaterThan(70)
    expect(refusals.flatMap((text) => found(text).map((what) => `${what}: ${text.slice(0, 300)}`))).toEqual([])
  })

  it('can be read back from the log of changes, the audit events, the clients or the metrics', async () => {
    const everything = await server.gql(`{
      changes(first: 100) { nodes { before after reason correlationId targetId actor { name } } }
      auditEvents(first: 100) { nodes { operation code detail remoteAddress actor { name } } }
      apiClients(first: 100) { nodes { id name keyPreview description } }
      configs(first: 100) { nodes { key value description } }
    }`)
    expect(everything.errors).toBe(undefined)
    expect(found(JSON.stringify(everything.data))).toEqual([])
    const metrics = await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': server.adminKey } })
    expect(found(await metrics.text())).toEqual([])
  })

  it('would go unnoticed: the search finds what is there', () => {
    const [name, key] = [...keys][0] as [string, string]
    expect(keys.size).toBe(7)
    expect(found(`before${key}after`)).toHaveLength(4)
    expect(found(Buffer.from(`x${key.split('_')[3]?.slice(16)}x`))).toEqual([`the second half of the secret of the key ${name}`])
  })
})
