import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgedKey } from '../../../../test/testkit/api-clients.js'
import { startTestServer, type TestServer } from '../../../../test/testkit/server.js'
import { ROLES } from '../../../core/contract/caller.js'
import { apiClientCollection } from '../api-client.collection.js'
import { generateApiKey } from './api-key.js'

const KEY = /^vk_test_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/
const FAULTS = 'userErrors { code field message }'
const DOCUMENTS = {
  registerApiClient: `mutation ($input: RegisterApiClientInput!) { registerApiClient(input: $input) {
    apiClient { id name clientType role keyPreview isActive description expiresAt lastUsedAt version } apiKey revision ${FAULTS} } }`,
  activateApiClient: `mutation ($input: ActivateApiClientInput!) { activateApiClient(input: $input) { apiClient { id isActive version } revision ${FAULTS} } }`,
  deactivateApiClient: `mutation ($input: DeactivateApiClientInput!) { deactivateApiClient(input: $input) { apiClient { id isActive version } revision ${FAULTS} } }`,
  rotateApiKey: `mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { apiClient { id keyPreview version } apiKey revision ${FAULTS} } }`,
  verifyApiKey: `mutation ($input: VerifyApiKeyInput!) { verifyApiKey(input: $input) { verdict apiClient { id name role } ${FAULTS} } }`,
} as const
type Mutation = keyof typeof DOCUMENTS

/** What a mutation's payload holds; whichever of these fields it has. */
interface Payload {
  readonly apiClient: {
    readonly id: string
    readonly keyPreview: string
    readonly version: number
    readonly [field: string]: unknown
  } | null
  readonly apiKey: string | null
  readonly revision: number | null
  readonly verdict: string
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null; readonly message: string }[]
}

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

async function call(mutation: Mutation, input: object, key?: string | null): Promise<Payload> {
  const { data, errors } = await server.gql(DOCUMENTS[mutation], { input }, key === undefined ? {} : { key })
  expect(errors).toBe(undefined)
  return (data as unknown as Record<Mutation, Payload>)[mutation]
}

const revision = () => server.services.ledger.snapshot.revision
let count = 0
/** Registers a client under a name of its own. */
async function newClient(input: object = {}) {
  count += 1
  const { apiClient, apiKey } = await call('registerApiClient', {
    name: `client ${count}`,
    clientType: 'SCRIPT',
    role: 'OBSERVER',
    ...input,
  })
  return { id: apiClient?.id ?? '', key: apiKey ?? '' }
}
const statusOf = async (key: string) => (await server.gql('{ viewer { role } }', {}, { key })).status

describe('API clients: what the registry has always done', () => {
  it('register: a WeWeb client is registered, active, and its key works', async () => {
    const payload = await call('registerApiClient', {
      name: 'WeWeb',
      clientType: 'WEWEB',
      role: 'EVALUATOR',
      description: 'The public site',
    })
    expect(payload).toEqual({
      apiClient: {
        id: expect.any(String),
        name: 'WeWeb',
        clientType: 'WEWEB',
        role: 'EVALUATOR',
        keyPreview: `${payload.apiKey?.slice(0, 12)}…`,
        isActive: true,
        description: 'The public site',
        expiresAt: null,
        lastUsedAt: null,
        version: 1,
      },
      apiKey: expect.stringMatching(KEY),
      revision: revision(),
      userErrors: [],
    })
    expect((await server.gql('{ viewer { role apiClient { name } } }', {}, { key: payload.apiKey })).data).toEqual({
      viewer: { role: 'EVALUATOR', apiClient: { name: 'WeWeb' } },
    })
  })

  it('list: registered clients are listed, deactivated ones too', async () => {
    const { id } = await newClient({ name: 'Heimdall', clientType: 'HEIMDALL' })
    await call('deactivateApiClient', { id })
    const { data } = await server.gql('{ apiClients(filter: { clientType: HEIMDALL }) { nodes { id name isActive } totalCount } }')
    expect(data).toEqual({ apiClients: { nodes: [{ id, name: 'Heimdall', isActive: false }], totalCount: 1 } })
  })

  it('deactivate: a deactivated client stays, and its key is refused', async () => {
    const { id, key } = await newClient()
    expect(await statusOf(key)).toBe(200)
    expect(await call('deactivateApiClient', { id })).toMatchObject({ apiClient: { id, isActive: false, version: 2 }, userErrors: [] })
    expect(await statusOf(key)).toBe(401)
    expect((await server.gql(`{ apiClient(id: "${id}") { isActive } }`)).data).toEqual({ apiClient: { isActive: false } })
  })

  it('activate: an activated client is let in again with the key that it had', async () => {
    const { id, key } = await newClient()
    await call('deactivateApiClient', { id })
    expect(await call('activateApiClient', { id, expectedVersion: 2 })).toMatchObject({ apiClient: { id, isActive: true, version: 3 } })
    expect(await statusOf(key)).toBe(200)
  })

  it('unique key: no two clients have one key, and no two active ones have one name', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => newClient()))
    expect(new Set(clients.map(({ key }) => key)).size).toBe(20)
    expect(new Set(clients.map(({ key }) => key.split('_')[2])).size).toBe(20)
    await newClient({ name: 'one of a kind' })
    const again = await call('registerApiClient', { name: 'one of a kind', clientType: 'TYR', role: 'ADMIN' })
    expect(again).toMatchObject({ apiClient: null, apiKey: null, revision: null, userErrors: [{ code: 'TAKEN', field: ['name'] }] })
  })
})

describe('rotateApiKey', () => {
  it('hands over a new key, and lets the old one work only during the overlap', async () => {
    const { id, key } = await newClient()
    const first = await call('rotateApiKey', { id, overlapSeconds: 60 })
    expect(first).toMatchObject({
      apiKey: expect.stringMatching(KEY),
      apiClient: { id, version: 2, keyPreview: `${first.apiKey?.slice(0, 12)}…` },
    })
    expect([await statusOf(key), await statusOf(first.apiKey ?? '')]).toEqual([200, 200])
    const second = await call('rotateApiKey', { id })
    expect([await statusOf(key), await statusOf(first.apiKey ?? ''), await statusOf(second.apiKey ?? '')]).toEqual([401, 401, 200])
  })

  it('of the caller itself works: the answer still arrives, and the new key is in force', async () => {
    const { id, key } = await newClient({ role: 'ADMIN' })
    const { apiKey } = await call('rotateApiKey', { id }, key)
    expect([await statusOf(key), await statusOf(apiKey ?? '')]).toEqual([401, 200])
  })
})

describe('verifyApiKey', () => {
  const verify = (apiKey: string, permission?: string) => call('verifyApiKey', { apiKey, permission })

  it('tells the first verdict that applies, and whose key it is to those who have shown all of it', async () => {
    const { id, key } = await newClient({ name: 'verified', role: 'OBSERVER' })
    const apiClient = { id, name: 'verified', role: 'OBSERVER' }
    expect(await verify(key)).toEqual({ verdict: 'VALID', apiClient, userErrors: [] })
    expect(await verify(key, 'flags:read')).toEqual({ verdict: 'VALID', apiClient, userErrors: [] })
    expect(await verify(key, 'flags:write')).toEqual({ verdict: 'FORBIDDEN', apiClient, userErrors: [] })
    const { apiKey } = await call('rotateApiKey', { id })
    expect(await verify(key, 'flags:write')).toEqual({ verdict: 'EXPIRED', apiClient, userErrors: [] })
    await call('deactivateApiClient', { id })
    for (const each of [key, apiKey ?? ''])
      expect(await verify(each, 'flags:write')).toEqual({ verdict: 'DISABLED', apiClient, userErrors: [] })
  })

  it.each([
    ['a key that nobody has', () => generateApiKey('test')],
    ['no key at all', () => 'secret'],
    ['nothing', () => ''],
    ['a key with a space behind it', () => `${server.adminKey} `],
    ['the right id with another secret', () => forgedKey(server.adminKey)],
  ])('does not find %s', async (_, keyOf) => {
    expect(await verify(keyOf())).toEqual({ verdict: 'NOT_FOUND', apiClient: null, userErrors: [] })
  })

  it('refuses a permission that does not exist, without looking at the key or repeating what was sent', async () => {
    const payload = await verify(server.adminKey, server.adminKey)
    expect(payload).toMatchObject({ verdict: 'FORBIDDEN', apiClient: null, userErrors: [{ code: 'INVALID', field: ['permission'] }] })
    expect(JSON.stringify(payload)).not.toContain('vk_')
    expect(await verify(server.adminKey, '')).toMatchObject({ verdict: 'FORBIDDEN', userErrors: [{ code: 'INVALID' }] })
  })

  it('tells when the client has used up its own rate limit, without counting', async () => {
    const { id, key } = await newClient()
    const limit = (input: string) =>
      server.gql(`mutation { setRateLimitRule(input: { ${input}, windowSeconds: 3600 }) { userErrors { message } } }`)
    await limit(`scope: API_KEY, key: "${id}", maxRequests: 2`)
    for (let i = 0; i < 5; i += 1) expect(await verify(key)).toMatchObject({ verdict: 'VALID' })
    expect([await statusOf(key), await statusOf(key), await statusOf(key)]).toEqual([200, 200, 429])
    expect(await verify(key)).toMatchObject({ verdict: 'RATE_LIMITED', apiClient: { id }, userErrors: [] })
    expect(await verify(key, 'clients:write')).toMatchObject({ verdict: 'FORBIDDEN' })
  })

  it('counts as a use of the key, and changes nothing', async () => {
    const { id, key } = await newClient()
    const before = revision()
    const lastUsedAt = async () => (await server.gql(`{ apiClient(id: "${id}") { lastUsedAt } }`)).data
    expect(await lastUsedAt()).toEqual({ apiClient: { lastUsedAt: null } })
    await verify(key, 'clients:write')
    expect(await lastUsedAt()).toEqual({ apiClient: { lastUsedAt: null } })
    await verify(key)
    expect(await lastUsedAt()).toEqual({ apiClient: { lastUsedAt: expect.stringMatching(/Z$/) } })
    expect(revision()).toBe(before)
  })
})

describe('writing clients', () => {
  it('with an invalid input reports every fault at once, and changes nothing', async () => {
    const before = revision()
    const input = { name: '', clientType: 'SCRIPT', role: 'ADMIN', description: 'x'.repeat(2_001), expiresAt: '2020-01-01T00:00:00.000Z' }
    const payload = await call('registerApiClient', input)
    expect(payload.userErrors.map(({ code, field }) => [code, field])).toEqual([
      ['REQUIRED', ['name']],
      ['INVALID', ['description']],
      ['INVALID', ['expiresAt']],
    ])
    expect([payload.apiClient, payload.apiKey, revision()]).toEqual([null, null, before])
    expect(await call('rotateApiKey', { id: 'nobody', overlapSeconds: 604_801 })).toMatchObject({
      apiKey: null,
      userErrors: [{ code: 'NOT_FOUND' }, { code: 'INVALID' }],
    })
  })

  const inputs: readonly [Mutation, object][] = [
    ['registerApiClient', { name: 'denied', clientType: 'SCRIPT', role: 'ADMIN' }],
    ['activateApiClient', { id: 'nobody' }],
    ['deactivateApiClient', { id: 'nobody' }],
    ['rotateApiKey', { id: 'nobody' }],
    ['verifyApiKey', { apiKey: 'nothing' }],
  ]

  it.each(inputs)('%s is refused without a key', async (mutation, input) => {
    const answer = await server.gql(DOCUMENTS[mutation], { input }, { key: null })
    expect([answer.status, answer.errors?.[0]?.extensions?.['code']]).toEqual([401, 'UNAUTHENTICATED'])
  })

  it.each(inputs)('%s is for those roles only that may do it', async (mutation, input) => {
    const outcomes: unknown[] = []
    for (const role of ROLES) {
      const { key } = await newClient({ role })
      const { status, errors } = await server.gql(
        DOCUMENTS[mutation],
        { input: mutation === 'registerApiClient' ? { ...input, name: `by ${role}` } : input },
        { key },
      )
      outcomes.push(errors?.[0]?.extensions?.['code'] ?? status)
    }
    const rest = mutation === 'verifyApiKey' ? [200, 200] : ['FORBIDDEN', 200]
    expect(outcomes).toEqual(['FORBIDDEN', 'FORBIDDEN', ...rest])
  })

  it.each(['activateApiClient', 'deactivateApiClient', 'rotateApiKey'] as const)(
    '%s does not find a client that is not there',
    async (mutation) => {
      const payload = await call(mutation, { id: 'nobody' })
      expect(payload).toMatchObject({ apiClient: null, revision: null, userErrors: [{ code: 'NOT_FOUND', field: ['id'] }] })
    },
  )

  it('on a stale version changes nothing', async () => {
    const { id } = await newClient()
    await call('deactivateApiClient', { id })
    for (const mutation of ['activateApiClient', 'deactivateApiClient'] as const) {
      const payload = await call(mutation, { id, expectedVersion: 1 })
      expect(payload).toMatchObject({ apiClient: null, userErrors: [{ code: 'STALE_VERSION', field: ['expectedVersion'] }] })
    }
    expect(server.services.ledger.snapshot.view(apiClientCollection).get(id)?.version).toBe(2)
  })

  it('replayed, answers with the client and without the key, and registers nobody', async () => {
    const input = { name: 'once', clientType: 'SCRIPT', role: 'OBSERVER', idempotencyKey: 'order-66' }
    const first = await call('registerApiClient', input)
    await call('deactivateApiClient', { id: first.apiClient?.id })
    const before = revision()
    const again = await call('registerApiClient', input)
    expect(first.apiKey).toMatch(KEY)
    expect(again).toMatchObject({
      apiClient: { id: first.apiClient?.id, isActive: false, version: 2 },
      apiKey: null,
      revision: first.revision,
      userErrors: [],
    })
    expect(revision()).toBe(before)
    const other = await server.gql(DOCUMENTS.registerApiClient, { input: { ...input, role: 'ADMIN' } })
    expect([other.status, other.errors?.[0]?.extensions?.['code']]).toEqual([409, 'IDEMPOTENCY_KEY_REUSED'])
  })

  it('replayed at the same time, makes one client and hands over one key', async () => {
    const input = { name: 'at once', clientType: 'SCRIPT', role: 'OBSERVER', idempotencyKey: 'order-67' }
    const payloads = await Promise.all(Array.from({ length: 8 }, () => call('registerApiClient', input)))
    expect(new Set(payloads.map(({ apiClient }) => apiClient?.id)).size).toBe(1)
    expect(payloads.filter(({ apiKey }) => apiKey !== null)).toHaveLength(1)
  })

  it('is logged with who, what and why, and only what can be put back says so', async () => {
    const { id } = await newClient({ reason: 'for the log' })
    await call('rotateApiKey', { id, reason: 'quarterly' })
    await call('deactivateApiClient', { id, reason: 'leaked' })
    const { data } = await server.gql(
      `{ changes(filter: { targetId: "${id}" }) { nodes { operation action reason isRevertible targetType pack actor { name } } } }`,
    )
    const common = { targetType: 'ApiClient', pack: 'UD', actor: { name: 'first admin' } }
    expect(data).toEqual({
      changes: {
        nodes: [
          { operation: 'deactivateApiClient', action: 'UPDATE', reason: 'leaked', isRevertible: true, ...common },
          { operation: 'rotateApiKey', action: 'UPDATE', reason: 'quarterly', isRevertible: false, ...common },
          { operation: 'registerApiClient', action: 'CREATE', reason: 'for the log', isRevertible: false, ...common },
        ],
      },
    })
  })

  it('never takes the last admin away, not by a revert either', async () => {
    const { data } = await server.gql('{ viewer { apiClient { id } } }')
    const firstId = (data as unknown as { viewer: { apiClient: { id: string } } }).viewer.apiClient.id
    const revert = (at: number | null, key = server.adminKey) =>
      server.gql('mutation ($r: Int!) { revertRevision(input: { revision: $r }) { revision userErrors { code } } }', { r: at }, { key })
    // Every other admin of the tests before goes first.
    const admins = await server.gql('{ apiClients(first: 100, filter: { role: ADMIN, isActive: true }) { nodes { id } } }')
    const { apiClients } = admins.data as unknown as { apiClients: { nodes: { id: string }[] } }
    for (const { id } of apiClients.nodes) if (id !== firstId) await call('deactivateApiClient', { id })
    expect(await call('deactivateApiClient', { id: firstId })).toMatchObject({ userErrors: [{ code: 'INVALID_STATE', field: ['id'] }] })

    const { id, key } = await newClient({ role: 'ADMIN' })
    await call('deactivateApiClient', { id })
    const activation = await call('activateApiClient', { id })
    expect(await call('deactivateApiClient', { id: firstId }, key)).toMatchObject({ apiClient: { isActive: false } })
    const refused = await revert(activation.revision, key)
    expect(refused.data).toEqual({ revertRevision: { revision: null, userErrors: [{ code: 'INVALID_STATE' }] } })
    await call('activateApiClient', { id: firstId }, key)
    expect((await revert(activation.revision)).data).toEqual({ revertRevision: { revision: revision(), userErrors: [] } })
    expect([await statusOf(key), await statusOf(server.adminKey)]).toEqual([401, 200])
  })
})
