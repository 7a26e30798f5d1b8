import type pg from 'pg'
import type { PrismaClient } from '../../generated/prisma/client.js'
import { Damage } from './damage.js'
import { orUnavailable } from './database-error.js'
import { type MigrationReport, migrationsFolder, readMigrationState, readMigrations } from './migrate.js'

/** Which engine keeps the rows. */
export type DatabaseEngine = 'postgresql' | 'pglite'

/** Where the database layer reports what nobody asked for; pino fits. */
export interface DatabaseLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** What {@link Database.listen} reports. */
export interface RevisionListener {
  /** Another commit (maybe our own) has landed at this revision. */
  onRevision(revision: number): void
  /** The listening connection is up, for the first time or again: notifications may have been missed, so look at the head. */
  onReconnect(): void
}

/**
 * An open, migrated database as everybody but the ledger has it. Whatever is asked here throws AppError UNAVAILABLE while the
 * database is away; faults of the question itself are thrown as they are.
 */
export interface QueryableDatabase {
  readonly engine: DatabaseEngine
  /** The server's version, such as `15.4` or `18.0`. */
  readonly version: string
  /** Where the schema stood after the start. */
  readonly migrations: MigrationReport
  /** True when other processes may write too, so that the ledger has to follow them. */
  readonly isShared: boolean
  /** What has turned out to be damaged. */
  readonly damage: Damage
  /** Asks in SQL. */
  ask<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<R>>
  /** Asks through Prisma. */
  askPrisma<T>(question: (prisma: PrismaClient) => Promise<T>): Promise<T>
  /** Where the schema stands now: the database may have been put back since the start. Throws MigrationError, too. */
  readMigrations(): Promise<MigrationReport>
  /** Throws AppError UNAVAILABLE when a write must not be tried (the disk is nearly full). */
  assertWritable(): Promise<void>
}

/** What the engines bring along. Both are used through the same pool and the same Prisma client. */
export interface DatabaseParts extends Omit<QueryableDatabase, 'ask' | 'askPrisma' | 'readMigrations' | 'damage'> {
  readonly prisma: PrismaClient
  /** The pool under `prisma`; on PGlite it has exactly one connection. */
  readonly pool: pg.Pool
  /** For the ledger alone, so that slow questions of others never hold a commit up; on PGlite it is `pool`. */
  readonly ledgerPool: pg.Pool
  /** Follows NOTIFY valhalla_revision until the returned function is called. On PGlite nothing ever arrives. */
  listen(listener: RevisionListener): () => Promise<void>
  /** Ends every connection; on PGlite checkpoints and releases the data directory. Safe to call twice. */
  close(): Promise<void>
}

/** A database in the hands of whoever opened it and of the ledger, which have to know what became of a write. */
export interface Database extends QueryableDatabase, DatabaseParts {}

/** The database of these parts. */
export function createDatabase(parts: DatabaseParts, log: DatabaseLog): Database {
  let closing: Promise<void> | undefined
  const damage = new Damage(log)
  const noting = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      return await orUnavailable(question)
    } catch (error) {
      damage.note(error)
      throw error
    }
  }
  const ask: Database['ask'] = (text, values = []) => noting(() => parts.pool.query(text, [...values]))
  return {
    ...parts,
    damage,
    ask,
    askPrisma: (question) => noting(() => question(parts.prisma)),
    readMigrations: () => readMigrationState({ query: ask }, readMigrations(migrationsFolder())),
    close: () => {
      closing ??= parts.close()
      return closing
    },
  }
}
