import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { anyServer, askOverHttp, launchServer, type StartingServer } from '../testkit/server-process.js'
import { until } from '../testkit/until.js'

/** Requests that are on their way at the same time. */
const CALLERS = 4
/** How often each caller goes on asking once the key was refused, in case that it is let in again. */
const AFTERMATH = 5

const REGISTER =
  'mutation ($i: RegisterApiClientInput!) { registerApiClient(input: $i) { apiClient { id } apiKey userErrors { message } } }'
const DEACTIVATE = 'mutation ($i: DeactivateApiClientInput!) { deactivateApiClient(input: $i) { userErrors { message } } }'
const ROTATE = 'mutation ($i: RotateApiKeyInput!) { rotateApiKey(input: $i) { userErrors { message } } }'

/** A subscription that is running, and how its connection is closed. */
async function subscribe(url: string, key: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const types: string[] = []
  socket.on('message', (data) => types.push(JSON.parse(String(data)).type))
  const closed = once(socket, 'close').then(([code]) => code as number)
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: key } }))
  await until(() => types.includes('connection_ack'))
  socket.send(JSON.stringify({ id: 's', type: 'subscribe', payload: { query: 'subscription { changes { id } }' } }))
  // Answers come in the order of the questions: the subscription stands when this is answered.
  socket.send(JSON.stringify({ id: 'q', type: 'subscribe', payload: { query: '{ viewer { role } }' } }))
  await until(() => types.includes('complete'))
  return { closed }
}

/** Asks with a key, over and over, until it was refused; `done` tells what came of the calls after that. */
function hammer(url: string, key: string) {
  let passed = 0
  const status = async () => (await askOverHttp(url, { key, query: '{ viewer { role } }' })).status
  const ask = async (): Promise<number[]> => {
    while ((await status()) === 200) passed += 1
    const after: number[] = []
    while (after.length < AFTERMATH) after.push(await status())
    return after
  }
  const done = Promise.all(Array.from({ length: CALLERS }, ask)).then((after) => after.flat())
  return { passed: () => passed, done }
}

describe.runIf(await usePostgres())('two processes on one database', () => {
  let drop: () => Promise<void>
  const processes: StartingServer[] = []
  let near: string
  let far: string
  const adminKey = generateApiKey('test')

  beforeAll(async () => {
    const database = await createTestDatabase()
    drop = database.drop
    const settings = { NODE_ENV: 'test', DATABASE_URL: database.url, VALHALLA_ADMIN_KEY: adminKey, VALHALLA_WRITE_TIMEOUT_MS: '60000' }
    for (let i = 0; i < 2; i += 1) {
      const process = launchServer(anyServer(), settings)
      processes.push(process)
      const { url } = await process.ready
      if (i === 0) near = url
      else far = url
    }
  })
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.stop()))
    await drop()
  })

  const asAdmin = async (query: string, i: object) =>
    (await askOverHttp(near, { key: adminKey, query, variables: { i } })).data as Record<string, never>

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['deactivated', (id) => asAdmin(DEACTIVATE, { id })],
    ['rotated away', (id) => asAdmin(ROTATE, { id })],
  ])('refuse a key that is %s at the other one, for good, and close its subscriptions', async (what, revoke) => {
    const { registerApiClient } = await asAdmin(REGISTER, { name: what, clientType: 'SCRIPT', role: 'OBSERVER' })
    const { apiKey, apiClient } = registerApiClient as unknown as { apiKey: string; apiClient: { id: string } }
    await until(async () => (await askOverHttp(far, { key: apiKey, query: '{ viewer { role } }' })).status === 200)
    const { closed } = await subscribe(far, apiKey)
    const calls = hammer(far, apiKey)
    await until(() => calls.passed() >= CALLERS * 3)
    await revoke(apiClient.id)
    expect(await closed).toBe(4403)
    const after = await calls.done
    expect(after).toHaveLength(CALLERS * AFTERMATH)
    expect(after).not.toContain(200)
  })
})

describe('on one replica', () => {
  const clock = new HandClock()
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({}, {}, { clock })
  })
  afterAll(() => server.close())

  const deactivate = (id: string) => server.gql(DEACTIVATE, { i: { id } })

  it('a key is refused by the first request after the answer, without Apollo as well', async () => {
    await server.gql('{ viewer { role } }')
    const { short } = await server.executions()
    for (let round = 0; round < 20; round += 1) {
      const { client, key } = await server.addClient({ name: `at once ${round}` })
      expect((await server.gql('{ viewer { role } }', {}, { key })).status).toBe(200)
      await deactivate(client.id)
      expect((await server.gql('{ viewer { role } }', {}, { key })).status).not.toBe(200)
    }
    // Each is answered once; all but the first of the deactivations are known documents too.
    expect((await server.executions()).short - short).toBe(20 + 19)
  })

  it('a request that was begun before does not outlive its key: what its body asks for is not done', async () => {
    const { client, key } = await server.addClient({ name: 'slow', role: 'OPERATOR' })
    const body = JSON.stringify({ query: 'mutation { setFeatureFlag(input: { key: "too-late" }) { revision } }' })
    const socket = connect(server.port, '127.0.0.1')
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nauthorization: Bearer ${key}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`,
    )
    socket.write(body.slice(0, 10))
    await until(() => server.services.usage.lastAt('client', client.id) !== null)
    await deactivate(client.id)
    socket.write(body.slice(10))
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer.split('\r\n')[0]).toMatch(/^HTTP\/1.1 4(01|29) /)
    expect((await server.gql('{ featureFlag(key: "too-late") { key } }')).data).toEqual({ featureFlag: null })
  })

  it('a client that does not hang up when it is told to is not heard any more', async () => {
    const { client, key } = await server.addClient({ name: 'stubborn', role: 'OPERATOR' })
    const socket = await openStubbornSocket(server.port, key)
    const setFlag = (id: string) =>
      socket.say({ id, type: 'subscribe', payload: { query: `mutation { setFeatureFlag(input: { key: "by-${id}" }) { revision } }` } })
    setFlag('before')
    await until(() => socket.heard().includes('"complete"'))
    await deactivate(client.id)
    await until(() => socket.heard().includes('key no longer valid'))
    setFlag('after')
    setFlag('after-that')
    await new Promise((resolve) => setTimeout(resolve, 200))
    const { data } = await server.gql('{ featureFlags { nodes { key } } }')
    expect(data).toEqual({ featureFlags: { nodes: [{ key: 'by-before' }] } })
    socket.end()
  })

  it('a key that expires is refused from then on, and its connection is closed', async () => {
    const expiresAt = new Date(clock.wallMs + 1_000).toISOString()
    const { data } = await server.gql(REGISTER, { i: { name: 'mortal', clientType: 'SCRIPT', role: 'OBSERVER', expiresAt } })
    const { apiKey } = (data as unknown as { registerApiClient: { apiKey: string } }).registerApiClient
    const { closed } = await subscribe(server.url, apiKey)
    clock.pass(999)
    expect((await server.gql('{ viewer { role } }', {}, { key: apiKey })).status).toBe(200)
    clock.pass(1)
    expect((await server.gql('{ viewer { role } }', {}, { key: apiKey })).status).toBe(401)
    expect(await closed).toBe(4403)
  })
})

/** A WebSocket by hand (RFC 6455) that never answers the server's close frame, as `ws` always would. */
async function openStubbornSocket(port: number, key: string) {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.on('data', (data) => {
    heard += data.toString('latin1')
  })
  socket.on('error', () => undefined)
  const headers = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: graphql-transport-ws']
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: a\r\n${headers.join('\r\n')}\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )
  await until(() => heard.includes('101 Switching Protocols'))
  const say = (message: object): void => {
    const payload = Buffer.from(JSON.stringify(message))
    // A text frame in one piece, masked with zeros, which changes nothing; all payloads have 126 to 65,535 bytes or fewer than 126.
    const length = payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 255]
    socket.write(Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]))
  }
  say({ type: 'connection_init', payload: { apiKey: key } })
  await until(() => heard.includes('connection_ack'))
  return { say, heard: () => heard, end: () => socket.destroy() }
}
