import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { Database, DatabaseEngine, DatabaseLog } from '../../src/core/database/database.js'
import { DurableNodeFS } from '../../src/core/database/embedded/durable-fs.js'
import { openEmbedded } from '../../src/core/database/embedded/embedded.js'
import { PGliteStream } from '../../src/core/database/embedded/pglite-stream.js'
import { builtTemplate, embeddedPaths, ensureDataDirectory, startParameters } from '../../src/core/database/embedded/template.js'
import { pgliteVersion } from '../../src/core/database/embedded/version-stamp.js'
import { migrationsFolder, readMigrations } from '../../src/core/database/migrate.js'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { newId } from '../../src/core/platform/ids.js'

const SERVER_URL = process.env['TEST_DATABASE_URL'] ?? 'postgresql://postgres@127.0.0.1:5432/postgres'

/** A log that keeps nothing. */
export const silentLog: DatabaseLog = { info: () => undefined, warn: () => undefined, error: () => undefined }

let available: Promise<boolean> | undefined

/**
 * Whether a PostgreSQL server is there for tests (127.0.0.1:5432, or TEST_DATABASE_URL). Says once that tests are
 * skipped when there is none; with CI=true that is a failure.
 */
export function usePostgres(): Promise<boolean> {
  available ??= probe()
  return available
}

async function probe(): Promise<boolean> {
  const client = new pg.Client({ connectionString: SERVER_URL, connectionTimeoutMillis: 3000 })
  try {
    await client.connect()
    return true
  } catch (error) {
    const reason = `no PostgreSQL server for tests (${error instanceof Error ? error.message : String(error)}); TEST_DATABASE_URL names another`
    if (process.env['CI'] === 'true') throw new Error(reason)
    console.warn(`skipped: ${reason}`)
    return false
  } finally {
    await client.end()
  }
}

/** The engines that tests can use here, for `describe.each(ENGINES)`. */
export const ENGINES: readonly DatabaseEngine[] = (await usePostgres()) ? ['pglite', 'postgresql'] : ['pglite']

/** The run of tests that this process belongs to; a process that is none drops its databases itself. */
const RUN = process.env['TEST_RUN']
const prefixOf = (run: string): string => `valhalla_test_${run}_`
/** Names of databases that nobody uses any more: making one costs more than most tests. */
const spare: string[] = []

/** A new, empty database on the test server. */
export async function createTestDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const name = spare.pop() ?? (await createDatabase())
  const drop = async (): Promise<void> => {
    if (RUN === undefined) await onServer(dropping(name))
    else await makeSpare(name)
  }
  return { url: urlOf(name), drop }
}

/** Drops the databases of a run that is over. */
export async function dropLeftDatabases(): Promise<void> {
  if (!(await usePostgres())) return
  const names = `SELECT datname AS name FROM pg_database WHERE starts_with(datname, '${prefixOf(String(process.env['TEST_RUN']))}')`
  for (const { name } of (await onServer(names)).rows) await onServer(dropping(name))
}

async function createDatabase(): Promise<string> {
  const name = `${prefixOf(RUN ?? 'alone')}${newId().replaceAll('-', '')}`
  await onServer(`CREATE DATABASE ${name} TEMPLATE template0`)
  return name
}

/** As it was made, for the next test of this worker. */
async function makeSpare(name: string): Promise<void> {
  await onServer(`ALTER DATABASE ${name} RESET ALL`)
  await onServer(`SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '${name}'`)
  await onServer('DROP SCHEMA public CASCADE; CREATE SCHEMA public', urlOf(name))
  spare.push(name)
}

function dropping(name: string): string {
  return `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`
}

function urlOf(name: string): string {
  const url = new URL(SERVER_URL)
  url.pathname = `/${name}`
  return url.href
}

async function onServer(sql: string, connectionString = SERVER_URL): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

/** A new PGlite, from what the build has made where that is there: initdb takes ten times as long. */
export async function openPglite(): Promise<PGlite> {
  const dataDir = await mkdtemp(join(tmpdir(), 'valhalla-test-'))
  await ensureDataDirectory(dataDir, builtTemplate())
  return PGlite.create({ fs: new DurableNodeFS(embeddedPaths(dataDir).data), startParams: startParameters() })
}

/** One session on an empty database without any table, for tests below {@link openTestDatabase}. */
export async function openEmptySession(engine: DatabaseEngine): Promise<{ readonly client: pg.ClientBase; close(): Promise<void> }> {
  if (engine === 'pglite') {
    const db = await openPglite()
    const client = new pg.Client({ user: 'postgres', database: 'postgres', ssl: false, stream: () => new PGliteStream(db) })
    await client.connect()
    return { client, close: () => client.end().then(() => db.close()) }
  }
  const { url, drop } = await createTestDatabase()
  const client = new pg.Client(url)
  await client.connect()
  return { client, close: () => client.end().then(drop) }
}

/** Databases whose test is done, emptied for the next one of the same worker. */
const idle: Record<DatabaseEngine, Database[]> = { pglite: [], postgresql: [] }
const MAX_IDLE = 2

/**
 * A migrated, empty {@link Database} of its own for one test. Its `close` lets go of it: it is emptied and kept for the next
 * test, or removed with all of its files. A test that needs it to be gone takes {@link openOwnDatabase}.
 */
export async function openTestDatabase(engine: DatabaseEngine): Promise<Database> {
  const database = idle[engine].pop() ?? (await openOwnDatabase(engine))
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= letGo(database)
    return closing
  }
  return { ...database, close }
}

/** Like {@link openTestDatabase}, but really gone once it is closed: for tests of what happens then. */
export function openOwnDatabase(engine: DatabaseEngine): Promise<Database> {
  return engine === 'pglite' ? openTestPglite() : openTestPostgres()
}

async function letGo(database: Database): Promise<void> {
  const kept = idle[database.engine]
  try {
    if (kept.length >= MAX_IDLE) throw new Error('enough are kept')
    await empty(database)
    kept.push(database)
  } catch {
    // Whatever a test has done to it: it serves nobody any more.
    await database.close()
  }
}

/** As the migrations leave it. */
async function empty({ pool }: Database): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'",
  )
  // DELETE, not TRUNCATE: on tables of a few rows it is the faster one by far.
  for (const { name } of rows) await pool.query(`DELETE FROM ${name}`)
  await pool.query("INSERT INTO ledger_head (id, revision, digest) VALUES (1, 0, repeat('0', 64))")
  await pool.query(
    `INSERT INTO audit_head (id, seq, digest, start_seq, start_digest, chained_from) VALUES (1, 0, repeat('0', 64), 0, repeat('0', 64), '2020-01-01Z')`,
  )
}

async function openTestPostgres(): Promise<Database> {
  const { url, drop } = await createTestDatabase()
  try {
    return closingWith(await openPostgres({ url, log: silentLog }), drop)
  } catch (error) {
    await drop()
    throw error
  }
}

async function openTestPglite(): Promise<Database> {
  const template = await testTemplate()
  const dataDir = await mkdtemp(join(tmpdir(), 'valhalla-test-'))
  const clean = () => rm(dataDir, { recursive: true, force: true })
  try {
    const database = await openEmbedded({ dataDir, reserveBytes: 0, log: silentLog, clock: systemClock, templateDir: template })
    return closingWith(database, clean)
  } catch (error) {
    await clean()
    throw error
  }
}

function closingWith(database: Database, clean: () => Promise<void>): Database {
  const closeAndClean = async () => {
    try {
      await database.close()
    } finally {
      await clean()
    }
  }
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAndClean()
    return closing
  }
  return { ...database, close }
}

/** A migrated, empty data directory, made once a machine for each set of migrations; whoever is first moves it into place. */
export async function testTemplate(): Promise<string> {
  const ingredients = [pgliteVersion(), startParameters(), readMigrations(migrationsFolder())]
  const hash = createHash('sha256').update(JSON.stringify(ingredients)).digest('hex')
  const place = join(tmpdir(), `valhalla-test-template-${hash.slice(0, 16)}`)
  if (existsSync(place)) return place
  const draft = await mkdtemp(`${place}-`)
  const database = await openEmbedded({ dataDir: draft, reserveBytes: 0, log: silentLog, clock: systemClock })
  await database.close()
  await rename(draft, place).catch(() => rm(draft, { recursive: true, force: true }))
  return place
}
