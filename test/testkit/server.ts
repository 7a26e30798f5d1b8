import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FormattedExecutionResult } from 'graphql'
import { SYSTEM_CALLER } from '../../src/core/contract/caller.js'
import type { Clock } from '../../src/core/platform/clock.js'
import { createLog } from '../../src/core/platform/log.js'
import { type Command, done } from '../../src/core/state/command.js'
import { apiClientCollection } from '../../src/packs/api-clients/api-client.collection.js'
import type { ApiClientRecord } from '../../src/packs/api-clients/api-client.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { startServer } from '../../src/server/compose.js'
import type { ConnectionLimits } from '../../src/server/connection-limits.js'
import type { Shortcuts, Way } from '../../src/server/operation/ways.js'
import type { RunningServer } from '../../src/server/serve.js'
import { clientWithKey, settingsOf } from './api-clients.js'
import { testTemplate } from './databases.js'

/** An answer over HTTP. */
export interface GraphQLAnswer extends FormattedExecutionResult<Record<string, never>> {
  readonly status: number
  readonly headers: Headers
}

/** What may be added to a GraphQL request; `key: null` sends none. */
export interface RequestOptions {
  readonly key?: string | null
  readonly headers?: Record<string, string>
}

/** The whole server on a free port, with an embedded database of its own. */
export interface TestServer extends RunningServer {
  readonly adminKey: string
  /** What was logged, one JSON object each. */
  readonly logged: readonly Record<string, unknown>[]
  /** Asks with the admin's key, if not told otherwise. */
  gql(query: string, variables?: Record<string, unknown>, options?: RequestOptions): Promise<GraphQLAnswer>
  /** Executions by their way, as the metrics show them to the admin's key, if not told otherwise. */
  executions(key?: string): Promise<Record<Way, number>>
  /** Puts a client straight into the state: what its key may do follows from its role. */
  addClient(changes?: Partial<ApiClientRecord>): Promise<{ readonly client: ApiClientRecord; readonly key: string }>
  /** Changes a client straight in the state. */
  changeClient(client: ApiClientRecord, changes: Partial<ApiClientRecord>): Promise<void>
}

/**
 * Starts a server; `env` holds settings (NODE_ENV is `test`, authentications may fail without limit, and writes have all the
 * time that a busy machine needs, if not given), `network` what differs from the usual limits of connections. It goes by
 * `clock`, if one is given; `shortcuts` says which of them it does without.
 */
export async function startTestServer(
  env: Record<string, string> = {},
  network: Partial<ConnectionLimits> = {},
  { clock, shortcuts = {} }: { readonly clock?: Clock; readonly shortcuts?: Partial<Shortcuts> } = {},
): Promise<TestServer> {
  const root = await mkdtemp(join(tmpdir(), 'valhalla-server-'))
  const dataDir = join(root, 'data')
  await cp(await testTemplate(), dataDir, { recursive: true })
  const adminKey = generateApiKey('test')
  const settings = settingsOf({
    NODE_ENV: 'test',
    PORT: '0',
    VALHALLA_DATA_DIR: dataDir,
    VALHALLA_ADMIN_KEY: adminKey,
    VALHALLA_DISK_RESERVE_MB: '0',
    VALHALLA_AUTH_FAILURES_PER_MINUTE: '0',
    VALHALLA_WRITE_TIMEOUT_MS: '60000',
    ...env,
  })
  const logged: Record<string, unknown>[] = []
  const log = createLog(settings, { write: (line) => void logged.push(JSON.parse(line)) })
  const server = await startServer(settings, { log, network, shortcuts, ...(clock && { clock }) })
  const put = (client: ApiClientRecord) =>
    server.services.ledger.commit({ command: putClient, input: { client }, caller: SYSTEM_CALLER, correlationId: 'test' })
  return {
    ...server,
    adminKey,
    logged,
    gql: (query, variables = {}, options = {}) => ask(server.url, { query, variables }, { key: adminKey, ...options }),
    executions: (key = adminKey) => executionsOf(server.url, key),
    async addClient(changes = {}) {
      const { client, keyText } = clientWithKey(changes)
      await put(client)
      return { client, key: keyText }
    },
    async changeClient(client, changes) {
      await put({ ...client, ...changes, version: client.version + 1 })
    },
    async close(how) {
      await server.close(how)
      await rm(root, { recursive: true, force: true })
    },
  }
}

const putClient: Command<{ client: ApiClientRecord }, null> = {
  name: 'putClient',
  isRevertible: false,
  run(draft, { client }) {
    draft.put(apiClientCollection, client)
    return done(null)
  },
}

async function executionsOf(url: string, key: string): Promise<Record<Way, number>> {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text()
  const lines = [...text.matchAll(/^valhalla_executions_total\{way="(\w+)"\} (\d+)$/gm)]
  return Object.fromEntries(lines.map(([, way, count]) => [way, Number(count)])) as Record<Way, number>
}

async function ask(url: string, body: object, { key, headers }: RequestOptions): Promise<GraphQLAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers },
    body: JSON.stringify(body),
  })
  return {
    ...((await response.json()) as FormattedExecutionResult<Record<string, never>>),
    status: response.status,
    headers: response.headers,
  }
}
