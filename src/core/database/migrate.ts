import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { newId } from '../platform/ids.js'
import { programFolder } from '../platform/program-folder.js'

/** The key of the advisory lock that Prisma Migrate takes too, so that the two never run at the same time. */
const ADVISORY_LOCK = 72707369
const LOCK_RETRY_MS = 100

/** Prisma Migrate's own table: both may be used on one database, in any order. */
const BOOK = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`

const ENTER = `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
  VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp(), 1)`

/** One folder of `prisma/migrations`. */
export interface Migration {
  /** The folder's name, `<stamp>_<name>`; migrations run in the order of their names. */
  readonly name: string
  readonly sql: string
}

/** Where the database's schema stands after the start, by names of migrations in the order of their names. */
export interface MigrationReport {
  /** Applied in the database; what this build does not know is in it too. */
  readonly applied: readonly string[]
  /** Those of `applied` that this start has applied. */
  readonly fresh: readonly string[]
  /** Known to this build, lacking in the database. Empty after a start, which fails when it cannot apply them. */
  readonly pending: readonly string[]
  /** In the database but unknown to this build: a newer one has been here. */
  readonly ahead: readonly string[]
}

/** Whatever answers SQL. */
interface Asked {
  query<R extends pg.QueryResultRow>(text: string): Promise<pg.QueryResult<R>>
}

/** Settings of {@link migrate}. */
export interface MigrateOptions {
  /** How long another process may take before we give up; milliseconds. */
  readonly lockTimeoutMs?: number
}

/** The migrations cannot be applied; the message says which one and why. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** The project's own `prisma/migrations`. Throws MigrationError when it is not there. */
export function migrationsFolder(): string {
  const folder = join(programFolder(), '..', 'prisma', 'migrations')
  if (existsSync(join(folder, 'migration_lock.toml'))) return folder
  throw new MigrationError('the folder prisma/migrations is missing from this installation')
}

/** Reads every migration of a folder, in the order in which they are applied. */
export function readMigrations(folder: string): Migration[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(folder, name, 'migration.sql'), 'utf8') }))
}

/**
 * Applies what is lacking, one transaction a migration, and keeps Prisma Migrate's books. Processes that start together
 * take turns: one applies, the others find nothing to do.
 *
 * @param client one session (not a pool: the lock belongs to the session), without a statement timeout
 * @throws MigrationError when a migration fails (nothing of it stays), was edited after it was applied, or failed earlier
 */
export async function migrate(
  client: pg.ClientBase,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<MigrationReport> {
  await takeLock(client, options.lockTimeoutMs ?? 60_000)
  try {
    await client.query(BOOK)
    const entered = await readBook(client)
    for (const migration of migrations) checkUnedited(migration, entered.get(migration.name))
    const fresh: string[] = []
    for (const migration of migrations) {
      if (entered.has(migration.name)) continue
      await apply(client, migration)
      fresh.push(migration.name)
    }
    return { applied: [...entered.keys(), ...fresh].sort(), fresh, pending: [], ahead: unknownIn(entered, migrations) }
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK]).catch(() => undefined)
  }
}

/** What a start finds and makes of a database. */
export interface PreparedDatabase {
  readonly migrations: MigrationReport
  /** The server's, such as `15.4`. */
  readonly version: string
}

/** Applies this build's migrations; throws what {@link migrate} throws. */
export async function prepareDatabase(client: pg.ClientBase): Promise<PreparedDatabase> {
  const migrations = await migrate(client, readMigrations(migrationsFolder()))
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  return { migrations, version: rows[0]?.server_version.split(' ')[0] ?? '' }
}

/**
 * Where the database stands now, which may have been put back to an earlier state since the start. Applies nothing.
 *
 * @throws MigrationError when a migration was edited after it was applied, or failed earlier; and whatever `pg` says
 */
export async function readMigrationState(client: Asked, migrations: readonly Migration[]): Promise<MigrationReport> {
  const entered = await readBook(client)
  for (const migration of migrations) checkUnedited(migration, entered.get(migration.name))
  const pending = migrations.map(({ name }) => name).filter((name) => !entered.has(name))
  return { applied: [...entered.keys()].sort(), fresh: [], pending, ahead: unknownIn(entered, migrations) }
}

/** Names of what is applied and not among `migrations`. */
function unknownIn(entered: ReadonlyMap<string, string>, migrations: readonly Migration[]): string[] {
  const known = new Set(migrations.map(({ name }) => name))
  return [...entered.keys()].filter((name) => !known.has(name)).sort()
}

async function takeLock(client: pg.ClientBase, timeoutMs: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += LOCK_RETRY_MS) {
    const { rows } = await client.query<{ ok: boolean }>('SELECT pg_try_advisory_lock($1) AS ok', [ADVISORY_LOCK])
    if (rows[0]?.ok) return
    if (waitedMs >= timeoutMs) throw new MigrationError('another process has been migrating this database for too long')
    await sleep(LOCK_RETRY_MS)
  }
}

/** Checksums by name of what is applied. */
async function readBook(client: Asked): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; checksum: string; isDone: boolean; isRolledBack: boolean; logs: string | null }>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isDone", rolled_back_at IS NOT NULL AS "isRolledBack", logs
     FROM "_prisma_migrations"`,
  )
  const standing = rows.filter((row) => !row.isRolledBack)
  const failed = standing.find((row) => !row.isDone)
  if (failed) {
    const reason = failed.logs ? `: ${failed.logs.trim()}` : ''
    throw new MigrationError(`migration ${failed.name} failed earlier; settle it with "prisma migrate resolve"${reason}`)
  }
  return new Map(standing.map((row) => [row.name, row.checksum]))
}

/** Line ends are forgiven: a checkout on Windows may have changed them. */
function checkUnedited({ name, sql }: Migration, checksum: string | undefined): void {
  if (checksum === undefined) return
  const unix = sql.replaceAll('\r\n', '\n')
  if ([sql, unix, unix.replaceAll('\n', '\r\n')].some((text) => sha256(text) === checksum)) return
  throw new MigrationError(`migration ${name} was edited after it was applied; put the old text back and write a new migration`)
}

async function apply(client: pg.ClientBase, { name, sql }: Migration): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query(sql)
    await client.query(ENTER, [newId(), sha256(sql), name])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw new MigrationError(`migration ${name} failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
