import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { freePort, missing } from './redis.js'
import { until } from './until.js'

/** Where Debian keeps the programs of a server, one folder a version. */
const VERSIONS = '/usr/lib/postgresql'
const PAGE_BYTES = 8_192

/** The folder of `initdb` and `postgres`, or undefined; says once that tests are skipped then. With CI=true that is a failure. */
const PROGRAMS = programFolder() ?? missing('no initdb and postgres that tests can start')

/** Whether tests can make PostgreSQL servers of their own. */
export const canStartPostgres = PROGRAMS !== undefined

/** A PostgreSQL server of a test's own, with one database. */
export interface OwnPostgres {
  readonly url: string
  /** Stops the server, has `work` done to the file of a relation (its path), and starts the server again. */
  whileStopped(relation: string, work: (path: string) => Promise<void>): Promise<void>
  /** Ends it and removes its files. */
  remove(): Promise<void>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGQUIT')
})

/** Writes nonsense over the first page of a file. */
export async function damageFirstPage(path: string): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, 0)
  await file.close()
}

/** Makes a server on a free port. As it refuses to be root's, root gives it to the user `postgres`. */
export async function startPostgres(): Promise<OwnPostgres> {
  const root = await mkdtemp(join(tmpdir(), 'valhalla-cluster-'))
  const owner = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  if (owner.uid !== undefined) await chown(root, owner.uid, owner.gid)
  const data = join(root, 'data')
  const program = (name: string): string => join(PROGRAMS ?? '', name)
  execFileSync(program('initdb'), ['--no-sync', '--auth=trust', '--username=postgres', data], { ...owner, cwd: root, stdio: 'pipe' })
  const port = await freePort()
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  let stop = async (): Promise<void> => undefined
  const start = async (): Promise<void> => {
    const child = spawn(program('postgres'), ['-D', data, '-p', String(port), '-k', root, '-F'], { ...owner, cwd: root, stdio: 'ignore' })
    running.add(child)
    const gone = once(child, 'close').finally(() => running.delete(child))
    stop = async () => {
      child.kill('SIGINT')
      await gone
    }
    await until(() => ask(url, 'SELECT 1').then(Boolean, () => false))
  }
  await start()
  return {
    url,
    async whileStopped(relation, work) {
      const path = String((await ask(url, `SELECT pg_relation_filepath('${relation}') AS path`)).path)
      await stop()
      await work(join(data, path))
      await start()
    },
    async remove() {
      await stop()
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

function programFolder(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).map((version) => join(VERSIONS, version, 'bin')) : []
  return [...versions, ...(process.env['PATH'] ?? '').split(delimiter)].find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  )
}

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }))
}
