import type pg from 'pg'
import type { PrismaClient } from '../../generated/prisma/client.js'

/** Which engine keeps the rows. */
export type DatabaseEngine = 'postgresql' | 'pglite'

/** Where the database layer reports what nobody asked for; pino fits. */
export interface DatabaseLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
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

/** What {@link Database.listen} reports. */
export interface RevisionListener {
  /** Another commit (maybe our own) has landed at this revision. */
  onRevision(revision: number): void
  /** The listening connection is up, for the first time or again: notifications may have been missed, so look at the head. */
  onReconnect(): void
}

/** An open, migrated database. Both engines are used through the same pool and the same Prisma client. */
export interface Database {
  readonly engine: DatabaseEngine
  /** The server's version, such as `15.4` or `18.0`. */
  readonly version: string
  readonly prisma: PrismaClient
  /** The pool under `prisma`; on PGlite it has exactly one connection. */
  readonly pool: pg.Pool
  /** For the ledger alone, so that slow questions of others never hold a commit up; on PGlite it is `pool`. */
  readonly ledgerPool: pg.Pool
  readonly migrations: MigrationReport
  /** True when other processes may write too, so that the ledger has to follow them. */
  readonly isShared: boolean
  /** Throws AppError UNAVAILABLE when a write must not be tried (the disk is nearly full). */
  assertWritable(): Promise<void>
  /** Follows NOTIFY valhalla_revision until the returned function is called. On PGlite nothing ever arrives. */
  listen(listener: RevisionListener): () => Promise<void>
  /** Ends every connection; on PGlite checkpoints and releases the data directory. Safe to call twice. */
  close(): Promise<void>
}
