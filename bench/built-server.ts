import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { generateApiKey } from '../src/packs/api-clients/keys/api-key.js'

/** The built server in a process of its own, on a new database. */
export interface BuiltServer {
  readonly port: number
  readonly pid: number
  readonly adminKey: string
  /** Asks as the admin; throws Error when the answer has errors. */
  ask<T>(query: string, variables?: object): Promise<T>
  /** The longest stall of its event loop since this was last asked; only where it was started with {@link WATCHED}. */
  longestStall(): Promise<Stall>
  stop(): Promise<void>
}

/** A stall in milliseconds: by the clock, and by the processor time that the process took meanwhile. */
export interface Stall {
  readonly clockMs: number
  readonly busyMs: number
}

/** Settings of a server whose stalls are watched, which costs it a timer every millisecond. */
export const WATCHED = { NODE_OPTIONS: `--import ${new URL('./loop-delay.mjs', import.meta.url).href}` }

const START_LIMIT_MS = 30_000

/**
 * Starts `node dist/main.js`: on the embedded database in a new directory, or on the PostgreSQL database of `databaseUrl`; with
 * these `settings` besides. `dist` is another build to be measured instead of this one.
 */
export async function startBuiltServer(databaseUrl?: string, settings: Record<string, string> = {}, dist = 'dist'): Promise<BuiltServer> {
  const main = resolve(dist, 'main.js')
  if (!existsSync(main)) throw new Error(`there is no ${main}: run \`npm run build\` first`)
  const root = await mkdtemp(join(tmpdir(), 'valhalla-bench-'))
  const adminKey = settings['VALHALLA_ADMIN_KEY'] ?? generateApiKey('test')
  const env = {
    NODE_ENV: 'production',
    ...known(main, { VALHALLA_SHUTDOWN_DELAY_MS: '0', VALHALLA_ALLOW_UNKEYED: 'true' }),
    PORT: '0',
    VALHALLA_ADMIN_KEY: adminKey,
    VALHALLA_DATA_DIR: join(root, 'data'),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...settings,
  }
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
    await rm(root, { recursive: true, force: true })
  }
  try {
    const url = await untilReady(child)
    return {
      port: Number(new URL(url).port),
      pid: Number(child.pid),
      adminKey,
      stop,
      ask: (query, variables) => askServer(url, adminKey, { query, variables }),
      longestStall: () =>
        new Promise((done) => {
          child.once('message', (stall: Stall) => done(stall))
          child.send('longest?')
        }),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Those of the settings that a build knows: with another one it would not start. */
function known(main: string, settings: Readonly<Record<string, string>>): Record<string, string> {
  const help = execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8', env: {} })
  return Object.fromEntries(Object.entries(settings).filter(([name]) => help.includes(name)))
}

/** The URL in the log's line that says that the server is ready. */
export function untilReady(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server was not ready after ${START_LIMIT_MS} ms`)), START_LIMIT_MS)
    const lines: string[] = []
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the server ended with status ${code}:\n${lines.join('\n')}`))
    })
    if (!child.stdout) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      const { url } = parseLine(line)
      if (typeof url !== 'string') return
      clearTimeout(timer)
      resolve(url)
    })
  })
}

function parseLine(line: string): { readonly url?: unknown } {
  try {
    return JSON.parse(line) as { url?: unknown }
  } catch {
    return {}
  }
}

export async function askServer<T>(url: string, key: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = (await response.json()) as { data?: T; errors?: unknown }
  if (answer.data === undefined || answer.errors !== undefined) throw new Error(`the server answered ${JSON.stringify(answer)}`)
  return answer.data
}
