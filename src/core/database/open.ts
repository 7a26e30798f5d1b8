import type { Clock } from '../platform/clock.js'
import type { Database, DatabaseLog } from './database.js'
import { openEmbedded } from './embedded/embedded.js'
import { MigrationError } from './migrate.js'
import { DatabaseOpenError, showUrl, withoutSecrets } from './open-error.js'
import { openPostgres } from './postgres/postgres.js'

/** Settings of {@link openDatabase}. */
export interface OpenOptions {
  /** `postgresql://user:password@host:port/database`; without it the embedded database is used. */
  readonly databaseUrl?: string
  /** The embedded database's folder; made when it is missing. */
  readonly dataDir: string
  /** Embedded: writes are refused when the disk has less than this free; bytes (128 MiB is sensible). */
  readonly reserveBytes: number
  readonly log: DatabaseLog
  readonly clock: Clock
}

/**
 * Opens the database that the settings name, and brings it up to this build's migrations.
 *
 * @throws DatabaseOpenError with one clear line for whoever started the program
 */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const { databaseUrl, log } = options
  const database = databaseUrl === undefined ? await openFolder(options) : await openUrl(databaseUrl, log)
  const { engine, version, migrations } = database
  const { fresh, ahead } = migrations
  if (ahead.length > 0) log.warn({ migrations: ahead }, 'the database has migrations of a newer build')
  log.info({ engine, version, migrations: fresh }, fresh.length > 0 ? 'database open, migrations applied' : 'database open')
  return database
}

async function openFolder({ dataDir, reserveBytes, log, clock }: OpenOptions): Promise<Database> {
  try {
    return await openEmbedded({ dataDir, reserveBytes, log, clock })
  } catch (error) {
    if (error instanceof DatabaseOpenError) throw error
    if (error instanceof MigrationError) throw new DatabaseOpenError('MIGRATION', error.message, { cause: error })
    const { code, message } = describe(error)
    const reason = FILE_FAULTS[code] ?? message
    throw new DatabaseOpenError(code in FILE_FAULTS ? 'UNUSABLE' : 'OTHER', `data directory ${dataDir}: ${reason}`, { cause: error })
  }
}

async function openUrl(url: string, log: DatabaseLog): Promise<Database> {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new DatabaseOpenError('UNUSABLE', 'DATABASE_URL must look like postgresql://user:password@host:5432/database')
  }
  try {
    return await openPostgres({ url, log })
  } catch (error) {
    throw explain(error, url)
  }
}

/** What POSIX error codes of the data directory mean to whoever set it. */
const FILE_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there, or the file system lacks hard links',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'there is a file of that name',
  ENOSPC: 'the disk is full',
  ENOTSUP: 'the file system lacks hard links',
}

/** Network errors: nobody has answered. */
const UNREACHABLE = /^(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|EPIPE)$/

/** Turns what `pg` or the server says (SQLSTATE: PostgreSQL documentation, appendix A) into a line without secrets. */
function explain(error: unknown, url: string): DatabaseOpenError {
  if (error instanceof MigrationError) return new DatabaseOpenError('MIGRATION', withoutSecrets(error.message, url))
  const { code, message } = describe(error)
  const place = showUrl(url)
  const said = withoutSecrets(message, url)
  switch (code) {
    case '28P01':
    case '28000':
      return new DatabaseOpenError('REFUSED', `${place} refuses this user or password: ${said}`)
    case '3D000':
      return new DatabaseOpenError('NO_DATABASE', `${place}: the server has no such database; create it first (createdb)`)
    case '57P03':
      return new DatabaseOpenError('UNREACHABLE', `${place} is not ready: ${said}`)
  }
  if (/password must be a string|no password/i.test(message)) {
    return new DatabaseOpenError('REFUSED', `${place} wants a password, and DATABASE_URL has none`)
  }
  if (UNREACHABLE.test(code) || /timeout|terminated unexpectedly/i.test(message)) {
    return new DatabaseOpenError('UNREACHABLE', `nothing answers at ${place}: ${said || code}`)
  }
  return new DatabaseOpenError('OTHER', `${place}: ${said || code || 'unknown error'}`)
}

function describe(error: unknown): { code: string; message: string } {
  const code = String((error as { code?: unknown } | null)?.code ?? '')
  return { code, message: error instanceof Error ? error.message : String(error) }
}
