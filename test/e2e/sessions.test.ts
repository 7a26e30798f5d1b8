import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

const OPEN = 'mutation ($i: OpenSessionInput) { openSession(input: $i) { apiKey expiresAt userErrors { code field message } } }'
const REGISTER =
  'mutation ($i: RegisterApiClientInput!) { registerApiClient(input: $i) { apiClient { id } apiKey userErrors { message } } }'
const SUBSCRIPTION = 'subscription { changes { id } }'

let offsetMs = 0
const clock = { now: () => new Date(Date.now() + offsetMs), monotonicMs: () => performance.now() }

interface Opened {
  readonly apiKey: string | null
  readonly expiresAt: string | null
  readonly userErrors: readonly object[]
}

describe.runIf(await usePostgres())('a session', () => {
  let drop: () => Promise<void>
  let [near, far] = [{} as TestServer, {} as TestServer]

  beforeAll(async () => {
    const database = await createTestDatabase()
    drop = database.drop
    const env = { DATABASE_URL: database.url, VALHALLA_KEY_PEPPER: 'a pepper of some length' }
    near = await startTestServer(env, {}, clock)
    far = await startTestServer(env, {}, clock)
  })
  afterAll(async () => {
    await near.close()
    await far.close()
    await drop()
  })

  const open = async (key: string, i: object | null = null, at = near): Promise<Opened> => {
    const { data, errors } = await at.gql(OPEN, { i }, { key })
    expect(errors).toBe(undefined)
    return (data as unknown as { openSession: Opened }).openSession
  }
  const statusAt = async (server: TestServer, key: string) => (await server.gql('{ viewer { role } }', {}, { key })).status
  const change = (mutation: string, i: object) =>
    near.gql(
      `mutation ($i: ${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input!) { ${mutation}(input: $i) { userErrors { code message } } }`,
      { i },
    )
  let count = 0
  const register = async (more: object = {}) => {
    count += 1
    const { data } = await near.gql(REGISTER, { i: { name: `console ${count}`, clientType: 'HEIMDALL', role: 'OPERATOR', ...more } })
    const { apiClient, apiKey } = (data as unknown as { registerApiClient: { apiClient: { id: string }; apiKey: string } })
      .registerApiClient
    const session = (await open(apiKey)).apiKey ?? ''
    await until(async () => (await statusAt(far, session)) === 200)
    return { id: apiClient.id, key: apiKey, session, name: `console ${count}` }
  }

  it('is opened by any role, works on every replica, and is its client with its role', async () => {
    for (const role of ['EVALUATOR', 'OBSERVER', 'OPERATOR', 'ADMIN']) {
      const { id, session } = await register({ role })
      const { data } = await far.gql('{ viewer { role apiClient { id role } } }', {}, { key: session })
      expect(data).toEqual({ viewer: { role, apiClient: { id, role } } })
    }
  })

  it('may do what its client may, and nothing else', async () => {
    const { session } = await register()
    const write = await near.gql('mutation { setFeatureFlag(input: { key: "by-session" }) { userErrors { code } } }', {}, { key: session })
    expect(write.data).toEqual({ setFeatureFlag: { userErrors: [] } })
    const denied = await near.gql(REGISTER, { i: { name: 'more', clientType: 'SCRIPT', role: 'ADMIN' } }, { key: session })
    expect(denied.errors?.[0]?.extensions?.['code']).toBe('FORBIDDEN')
  })

  it('lasts for the hours that are asked for, 12 at most, and never longer than what it was opened with', async () => {
    const { key } = await register()
    const hoursOf = ({ expiresAt }: Opened) => Math.round((Date.parse(expiresAt ?? '') - clock.now().getTime()) / 36_000) / 100
    expect(hoursOf(await open(key))).toBe(12)
    expect(hoursOf(await open(key, { hours: 1 }))).toBe(1)
    expect(hoursOf(await open(key, { hours: null }))).toBe(12)
    for (const hours of [0, 13, -1])
      expect(await open(key, { hours })).toMatchObject({
        apiKey: null,
        expiresAt: null,
        userErrors: [{ code: 'INVALID', field: ['hours'] }],
      })
    const endsAt = new Date(Math.ceil(clock.now().getTime() / 1000) * 1000 + 60_000).toISOString()
    const { key: short } = await register({ role: 'OBSERVER', expiresAt: endsAt })
    expect((await open(short)).expiresAt).toBe(endsAt)
  })

  it('opens no further one', async () => {
    const { session } = await register()
    expect(await open(session)).toEqual({
      apiKey: null,
      expiresAt: null,
      userErrors: [
        { code: 'INVALID_STATE', field: null, message: 'A session opens no further one. Call with the API key of the client itself.' },
      ],
    })
  })

  it('is no key for other services', async () => {
    const { session } = await register()
    const { data } = await near.gql('mutation ($k: String!) { verifyApiKey(input: { apiKey: $k }) { verdict } }', { k: session })
    expect(data).toEqual({ verifyApiKey: { verdict: 'NOT_FOUND' } })
  })

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['is deactivated', (id) => change('deactivateApiClient', { id })],
    ['is given another key', (id) => change('rotateApiKey', { id })],
  ])('is refused at another replica within a second once its client %s, and its subscriptions are closed', async (_, revoke) => {
    const { id, session } = await register()
    const { closed, ask, messages } = await openSocket(far.url, { apiKey: session })
    await until(() => messages.some(({ type }) => type === 'connection_ack'))
    ask('s', SUBSCRIPTION)
    await revoke(id)
    await until(async () => (await statusAt(far, session)) === 401)
    expect((await closed).code).toBe(4403)
    expect(await statusAt(near, session)).toBe(401)
  })

  it('has the role that its client has by now, and loses its connections when that changes', async () => {
    const { id, session } = await register()
    const { closed, messages } = await openSocket(far.url, { apiKey: session })
    await until(() => messages.some(({ type }) => type === 'connection_ack'))
    await change('updateApiClient', { id, role: 'OBSERVER' })
    expect((await closed).code).toBe(4403)
    const { data } = await far.gql('{ viewer { role } }', {}, { key: session })
    expect(data).toEqual({ viewer: { role: 'OBSERVER' } })
  })

  it('ends by itself, with its connections', async () => {
    const { key, session } = await register()
    const { closed, messages } = await openSocket(far.url, { apiKey: session })
    await until(() => messages.some(({ type }) => type === 'connection_ack'))
    offsetMs += 12 * 3_600_000
    expect([await statusAt(near, session), await statusAt(far, session), await statusAt(near, key)]).toEqual([401, 401, 200])
    expect((await closed).code).toBe(4403)
  })

  it('opens in every mode, so that somebody can look and mend', async () => {
    const { key } = await register()
    await change('setMaintenanceMode', { mode: 'MAINTENANCE' })
    const { apiKey } = await open(key)
    await change('setMaintenanceMode', { mode: 'NORMAL' })
    expect(apiKey).toMatch(/^vk_test_/)
  })

  it('is told from its client in the change log, the audit events and the log; its key is in none of them', async () => {
    const { id, key, session, name } = await register()
    await near.gql('mutation { setConfig(input: { key: "by/key", value: 1 }) { revision } }', {}, { key })
    await near.gql('mutation { setConfig(input: { key: "by/session", value: 1 }) { revision } }', {}, { key: session })
    for (const each of [key, session])
      await near.gql('mutation { unlockConfig(input: { key: "x", reason: "y" }) { revision } }', {}, { key: each })
    const { data } = await near.gql(
      `{ changes(filter: { actorId: "${id}" }) { nodes { targetId after actor { id name apiClient { id } } } }
         auditEvents(filter: { actorId: "${id}" }) { nodes { operation outcome actor { id name } detail } } }`,
    )
    const { changes, auditEvents } = data as unknown as Record<
      string,
      { nodes: { after: { key: string }; operation: string; actor: object }[] }
    >
    const asSession = { id, name: `${name} (session)` }
    expect(changes?.nodes.map(({ after, actor }) => [after.key, actor])).toEqual([
      ['by/session', { ...asSession, apiClient: { id } }],
      ['by/key', { id, name, apiClient: { id } }],
    ])
    expect(auditEvents?.nodes.map(({ operation, actor }) => [operation, actor])).toEqual(
      expect.arrayContaining([
        ['openSession', { id, name }],
        ['unlockConfig', { id, name }],
        ['unlockConfig', asSession],
      ]),
    )
    expect(near.logged).toContainEqual(expect.objectContaining({ actor: `${name} (session)`, actorId: id }))
    const everything = JSON.stringify([data, near.logged, far.logged])
    for (const secret of [key, session]) expect(everything).not.toContain(secret.split('_')[3])
  })
})
