import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../contract/errors.js'
import type { Clock } from '../platform/clock.js'
import type { Database, DatabaseLog } from './database.js'
import { DatabaseAwayError, damageOf } from './database-error.js'
import { openEmbedded } from './embedded/embedded.js'
import { MigrationError } from './migrate.js'
import { DatabaseOpenError, showUrl, withoutSecrets } from './open-error.js'
import { openPostgres, type PostgresOptions } from './postgres/postgres.js'

/** Between two tries to reach a database at the start; milliseconds. */
const PAUSE_MS = 500
/** A first try has so long in any case; milliseconds. */
const MIN_TRY_MS = 6_000

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
  /** On a server: how long it may answer nobody while it migrates; milliseconds. */
  readonly quietMs?: number
}

/**
 * Opens the database that the settings name, and brings it up to this build's migrations.
 *
 * @throws DatabaseOpenError with one clear line for whoever started the program
 */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const { databaseUrl, log, quietMs } = options
  const database = databaseUrl === undefined ? await openFolder(options) : await openUrl({ url: databaseUrl, log, quietMs })
  const { engine, version, migrations } = database
  const { fresh, ahead } = migrations
  if (ahead.length > 0) log.warn({ migrations: ahead }, 'the database has migrations of a newer build')
  log.info({ engine, version, migrations: fresh }, fresh.length > 0 ? 'database open, migrations applied' : 'database open')
  return database
}

/**
 * What kept a start from reading the state, for whoever started it: a database that went away or turns out to be damaged once it
 * was open. Other faults are handed on as they are.
 */
export function explainReading(error: unknown): unknown {
  const away = error instanceof AppError ? error.cause : error
  if (!(away instanceof DatabaseAwayError)) return error
  const damage = damageOf(away)
  if (damage !== undefined) return new DatabaseOpenError('DAMAGED', damage, { cause: away })
  return new DatabaseOpenError('UNREACHABLE', 'the database stopped answering while the state was read from it', { cause: away })
}

/** How a start waits for its database. */
export interface WaitOptions {
  readonly timeoutMs: number
  readonly clock: Clock
  readonly log: DatabaseLog
}

/**
 * Opens something on a database, and again while the database does not answer, until the time is up. `open` is told how much of it
 * is left, in whole milliseconds.
 *
 * @throws the last try's fault
 */
export async function waitForDatabase<T>({ timeoutMs, clock, log }: WaitOptions, open: (leftMs: number) => Promise<T>): Promise<T> {
  const startedAtMs = clock.monotonicMs()
  const endsAtMs = startedAtMs + timeoutMs
  for (let tries = 1; ; tries += 1) {
    try {
      return await open(Math.ceil(Math.max(endsAtMs, startedAtMs + MIN_TRY_MS) - clock.monotonicMs()))
    } catch (error) {
      const isUnreachable = error instanceof DatabaseOpenError && error.fault === 'UNREACHABLE'
      if (!isUnreachable || clock.monotonicMs() + PAUSE_MS >= endsAtMs) throw error
      if (tries === 1) log.warn({ reason: error.message, timeoutMs }, 'the database does not answer yet: trying again')
      await sleep(PAUSE_MS)
    }
  }
}

async function openFolder({ dataDir, reserveBytes, log, clock }: OpenOptions): Promise<Database> {
  try {
    return await openEmbedded({ dataDir, reserveBytes, log, clock })
  } catch (error) {
    if (error instanceof DatabaseOpenError) throw error
    if (error instanceof MigrationError && damageOf(error) === undefined)
      throw new DatabaseOpenError('MIGRATION', error.message, { cause: error })
    const damage = damageOf(error)
    if (damage !== undefined) throw new DatabaseOpenError('DAMAGED', `data directory ${dataDir}: ${damage}`, { cause: error })
    const { code, message } = describe(error)
    const reason = FILE_FAULTS[code] ?? message
    throw new DatabaseOpenError(code in FILE_FAULTS ? 'UNUSABLE' : 'OTHER', `data directory ${dataDir}: ${reason}`, { cause: error })
  }
}

async function openUrl(options: PostgresOptions): Promise<Database> {
  const { url } = options
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new DatabaseOpenError('UNUSABLE', 'DATABASE_URL must look like postgresql://user:password@host:5432/database')
  }
  try {
    return await openPostgres(options)
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
  if (error instanceof DatabaseOpenError) return error
  if (error instanceof MigrationError && damageOf(error) === undefined)
    return new DatabaseOpenError('MIGRATION', withoutSecrets(error.message, url))
  const { code, message } = describe(error)
  const place = showUrl(url)
  const said = withoutSecrets(message, url)
  const damage = damageOf(error)
  if (damage !== undefined) return new DatabaseOpenError('DAMAGED', `${place}: ${damage}`)
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
