import { newId } from '../../src/core/platform/ids.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase } from '../testkit/databases.js'
import { type OwnRedis, startRedis } from '../testkit/redis.js'
import { askOverHttp, launchServer, type Program, type StartingServer } from '../testkit/server-process.js'
import { openSocket } from '../testkit/sockets.js'
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy.js'

const REGISTER =
  'mutation ($i: RegisterApiClientInput!) { registerApiClient(input: $i) { apiClient { id } apiKey userErrors { message } } }'

/** One of two servers; `far` reaches the database through a network that can fail. */
export type Side = 'near' | 'far'

/** A GraphQL call of the admin, if no other key is given. */
export interface Call {
  readonly query: string
  readonly input?: object
  readonly key?: string
}

/** Two server processes on one PostgreSQL database and one Redis. */
export class Replicas {
  private constructor(
    readonly proxy: TcpProxy,
    readonly redis: OwnRedis,
    readonly servers: Readonly<Record<Side, StartingServer>>,
    readonly urls: Readonly<Record<Side, string>>,
    readonly adminKey: string,
    readonly drop: () => Promise<void>,
  ) {}

  static async open(program: Program): Promise<Replicas> {
    const [{ url, drop }, redis] = await Promise.all([createTestDatabase(), startRedis()])
    const proxy = await startTcpProxy(url)
    const adminKey = generateApiKey('live')
    const common = { NODE_ENV: 'production', VALHALLA_ALLOW_UNKEYED: 'true', REDIS_URL: redis.url, VALHALLA_ADMIN_KEY: adminKey }
    const near = launchServer(program, { ...common, DATABASE_URL: url })
    const nearUrl = (await near.ready).url
    const far = launchServer(program, { ...common, DATABASE_URL: proxy.url })
    return new Replicas(proxy, redis, { near, far }, { near: nearUrl, far: (await far.ready).url }, adminKey, drop)
  }

  async close(): Promise<void> {
    await Promise.all([this.servers.near.kill(), this.servers.far.kill()])
    await Promise.all([this.redis.kill(), this.proxy.close()])
    await this.drop()
  }

  /** The whole answer as text. */
  async ask(side: Side, { query, input, key = this.adminKey }: Call): Promise<string> {
    const { data, errors } = await askOverHttp(this.urls[side], { key, query, variables: { i: input } })
    return JSON.stringify({ data, errors })
  }

  /** A mutation that has to work; its answer as text. */
  async write(query: string, input: object): Promise<string> {
    const answer = await this.ask('near', { query, input })
    if (answer.includes('"message"')) throw new Error(`a write did not work: ${answer}`)
    return answer
  }

  /** The status of a call on behalf of a user, and whether a rate limit applied to it. */
  async callFor(user: string): Promise<{ readonly status: number; readonly isLimited: boolean }> {
    const headers = { 'content-type': 'application/json', 'x-api-key': this.adminKey, 'x-valhalla-user': user }
    const response = await fetch(`${this.urls.far}/graphql`, { method: 'POST', headers, body: '{"query":"{ viewer { role } }"}' })
    await response.text()
    return { status: response.status, isLimited: response.headers.has('ratelimit') }
  }

  /** A new client, which the far server knows. */
  async register(more: object): Promise<{ readonly id: string; readonly key: string }> {
    const answer = await this.write(REGISTER, { name: `promised ${newId()}`, clientType: 'SCRIPT', role: 'OBSERVER', ...more })
    const { data } = JSON.parse(answer) as { data: { registerApiClient: { apiClient: { id: string }; apiKey: string } } }
    const { apiClient, apiKey } = data.registerApiClient
    await soon(async () => (await this.ask('far', { query: '{ viewer { role } }', key: apiKey })).includes('OBSERVER'))
    return { id: apiClient.id, key: apiKey }
  }

  /** Resolves when a subscription at the far server, which stands now, is closed. */
  async subscribe(key: string): Promise<{ readonly closed: Promise<unknown> }> {
    const { messages, ask, closed } = await openSocket(this.urls.far, { apiKey: key })
    await soon(() => messages.length > 0)
    ask('s', 'subscription { changes { id } }')
    // Answers come in the order of the questions.
    ask('q', '{ viewer { role } }')
    await soon(() => messages.some(({ id, type }) => id === 'q' && type === 'complete'))
    return { closed }
  }
}

/** Looks every other millisecond until something is so. */
export async function soon(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 2))
}
