import type { QueryableDatabase } from '../database/database.js'
import type { Clock } from '../platform/clock.js'
import type { Log } from '../platform/log.js'
import { BackgroundTask } from './background-task.js'

/** What is kept, in days; 0 keeps for ever. */
export interface RetentionDays {
  readonly changes: number
  readonly auditEvents: number
}

/** How often, and how long after the start, the log is looked at; in milliseconds. */
const COMPACT_EVERY_MS = 3_600_000
const FIRST_AFTER_MS = 60_000
/** Rows that one statement takes away, so that none of them runs into the time limit. */
const ROWS_AT_ONCE = 5_000
/** Revisions that one transaction takes away, so that none of them is long. */
const REVISIONS_AT_ONCE = 5_000
const MS_A_DAY = 86_400_000

/** One statement: rows and checkpoint move together, and two replicas at once do no harm, as the second one waits and finds nothing left. */
const COMPACT_CHANGES = `WITH start AS (SELECT coalesce(max(revision), 0) AS revision FROM ledger_checkpoint),
  -- The head's own revision always stays, and nothing behind the first change that is young enough goes.
  reach AS (
    SELECT least(start.revision + ${REVISIONS_AT_ONCE}, h.revision - 1, coalesce((SELECT min(c.revision) FROM changes c WHERE c.at >= $1), h.revision) - 1) AS revision
    FROM start, ledger_head h
  ),
  last AS (SELECT c.revision, c.digest FROM changes c, reach WHERE c.revision = reach.revision ORDER BY c.ordinal DESC LIMIT 1),
  mark AS (
    INSERT INTO ledger_checkpoint (id, revision, digest, at) SELECT 1, revision, digest, $2 FROM last
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, digest = excluded.digest, at = excluded.at
      WHERE ledger_checkpoint.revision < excluded.revision
    RETURNING revision
  )
  DELETE FROM changes c USING mark WHERE c.revision <= mark.revision`

const dropFrom = (table: string, isOld: string): string =>
  `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${isOld} LIMIT ${ROWS_AT_ONCE})) AND ${isOld}`

/** What rows are taken away from. */
export interface RetentionOptions {
  readonly database: QueryableDatabase
  readonly clock: Clock
  readonly log: Log
  readonly days: RetentionDays
}

/** How many rows went. */
export interface TakenAway {
  readonly changes: number
  readonly auditEvents: number
  /** First answers to idempotency keys, once they have expired. */
  readonly answers: number
}

/**
 * Shortens what would grow for ever. First answers to idempotency keys go when they expire. Changes go as the settings say,
 * from the beginning of the log and whole revisions at a time; the digest of the last one stays as the checkpoint that the
 * rest of the chain is verified from. State is never touched.
 */
export class Retention {
  readonly #options: RetentionOptions
  readonly #task: BackgroundTask

  constructor(options: RetentionOptions) {
    this.#options = options
    const work = async (signal: AbortSignal): Promise<void> => {
      const gone = await this.run(signal)
      if (gone.changes + gone.auditEvents + gone.answers > 0) options.log.info(gone, 'old rows taken away')
    }
    this.#task = new BackgroundTask({ name: 'taking old rows away', everyMs: COMPACT_EVERY_MS, log: options.log, work })
  }

  /** Looks now and then, from a minute after the start on. */
  open(): void {
    this.#task.open(FIRST_AFTER_MS)
  }

  /** Takes away what is older than it has to be, portion after portion, until there is no more or `signal` aborts. */
  async run(signal?: AbortSignal): Promise<TakenAway> {
    const { days, clock, database } = this.#options
    const now = clock.now()
    const before = (kept: number): Date => new Date(now.getTime() - kept * MS_A_DAY)
    const untilNone = async (text: string, ...values: readonly Date[]): Promise<number> => {
      let gone = 0
      for (let count = -1; count !== 0 && !signal?.aborted; gone += count) {
        // Taking away needs room too: the log of the database grows first.
        await database.assertWritable()
        count = (await database.ask(text, values)).rowCount ?? 0
      }
      return gone
    }
    return {
      changes: days.changes === 0 ? 0 : await untilNone(COMPACT_CHANGES, before(days.changes), now),
      auditEvents: days.auditEvents === 0 ? 0 : await untilNone(dropFrom('audit_events', 'at < $1'), before(days.auditEvents)),
      answers: await untilNone(dropFrom('idempotency_records', 'expires_at <= $1'), now),
    }
  }

  /** Waits for the statement that is under way. */
  close(): Promise<void> {
    return this.#task.stop()
  }
}
