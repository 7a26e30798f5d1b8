import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { type MeasuredProcess, startMeasured } from './measured-process.js'

/** The built server in a process of its own, on a new database. */
export interface BuiltServer extends MeasuredProcess {
  readonly port: number
  readonly adminKey: string
  /** Asks as the admin; throws Error when the answer has errors. */
  ask<T>(query: string, variables?: object): Promise<T>
}

/** The build that is measured, and what its settings are besides the usual. */
export interface BuiltServerOptions {
  /** PostgreSQL; undefined: the embedded database in a new directory. */
  readonly databaseUrl?: string | undefined
  readonly settings?: Readonly<Record<string, string>>
  /** The folder of the build. */
  readonly dist: string
  /** Starts it as it is: without the meter, on any processor. */
  readonly isPlain?: boolean
}

/** What a production start needs, and that its end does not wait for load balancers. */
const USUAL = {
  VALHALLA_SHUTDOWN_DELAY_MS: '0',
  VALHALLA_KEY_PEPPER: 'a pepper of the benchmark, long enough',
  VALHALLA_AUDIT_KEY: 'an audit key of the benchmark, long enough',
}

/** Starts `node dist/main.js`. */
export async function startBuiltServer({ databaseUrl, settings = {}, dist, isPlain = false }: BuiltServerOptions): Promise<BuiltServer> {
  const main = resolve(dist, 'main.js')
  if (!existsSync(main)) throw new Error(`there is no ${main}: run \`npm run build\` first`)
  const root = await mkdtemp(join(tmpdir(), 'valhalla-bench-'))
  const adminKey = settings['VALHALLA_ADMIN_KEY'] ?? generateApiKey('test')
  const env = {
    NODE_ENV: 'production',
    ...known(main, USUAL),
    PORT: '0',
    VALHALLA_ADMIN_KEY: adminKey,
    VALHALLA_DATA_DIR: join(root, 'data'),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...settings,
  }
  const removeRoot = (): Promise<void> => rm(root, { recursive: true, force: true })
  const server = await startMeasured({ args: [main], env, isPlain }).catch(async (error: unknown) => {
    await removeRoot()
    throw error
  })
  return {
    ...server,
    port: Number(new URL(server.url).port),
    adminKey,
    ask: (query, variables) => askServer(server.url, adminKey, { query, variables }),
    async stop() {
      await server.stop()
      await removeRoot()
    },
  }
}

/** Those of the settings that a build knows: with another one it would not start. */
function known(main: string, settings: Readonly<Record<string, string>>): Record<string, string> {
  const help = execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8', env: {} })
  return Object.fromEntries(Object.entries(settings).filter(([name]) => help.includes(name)))
}

async function askServer<T>(url: string, key: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = (await response.json()) as { data?: T; errors?: unknown }
  if (answer.data === undefined || answer.errors !== undefined) throw new Error(`the server answered ${JSON.stringify(answer)}`)
  return answer.data
}
