import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { Redis } from 'ioredis'
import { newId } from '../../src/core/platform/ids.js'
import { until } from './until.js'

const SERVER_URL = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const PROGRAM = 'redis-server'

/** Where the Redis for tests is, or undefined; says once that tests are skipped then. With CI=true that is a failure. */
export const TEST_REDIS_URL: string | undefined = (await connects(SERVER_URL))
  ? SERVER_URL
  : missing(`no Redis server for tests at ${SERVER_URL}; TEST_REDIS_URL names another`)

/** Whether tests can start Redis servers of their own. */
export const canStartRedis: boolean =
  spawnSync(PROGRAM, ['--version']).status === 0 || missing('no redis-server that tests can start') !== undefined

/** Says that tests are skipped; with CI=true that is a failure. */
export function missing(reason: string): undefined {
  if (process.env['CI'] === 'true') throw new Error(reason)
  console.warn(`skipped: ${reason}`)
  return undefined
}

async function connects(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 2_000, retryStrategy: () => null })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    return true
  } catch {
    return false
  } finally {
    redis.disconnect()
  }
}

/** A name of a deployment that no other test has, and what removes its keys. */
export function redisNamespace(url: string): { readonly environmentName: string; clean(): Promise<void> } {
  const environmentName = `test-${newId()}`
  return {
    environmentName,
    async clean() {
      const redis = new Redis(url)
      for await (const keys of redis.scanStream({ match: `valhalla:${environmentName}:*` })) if (keys.length > 0) await redis.del(keys)
      await redis.quit()
    },
  }
}

/** A Redis server of a test's own, which keeps nothing on disk. */
export interface OwnRedis {
  readonly url: string
  /** Ends it at once; what it held is lost. */
  kill(): Promise<void>
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>
  /** Stops answering without closing anything, and goes on. */
  freeze(): void
  thaw(): void
}

/** Starts a Redis server on a free port. */
export async function startRedis(): Promise<OwnRedis> {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
    child = spawn(PROGRAM, options, { stdio: 'ignore' })
    await until(() => connects(url))
  }
  const kill = async (): Promise<void> => {
    const ending = child
    child = undefined
    if (!ending) return
    const gone = once(ending, 'close')
    ending.kill('SIGKILL')
    await gone
  }
  await start()
  return { url, kill, start, freeze: () => void child?.kill('SIGSTOP'), thaw: () => void child?.kill('SIGCONT') }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
