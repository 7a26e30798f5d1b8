import type { QueryableDatabase } from '../database/database.js'
import { checkpointSeal, GENESIS_DIGEST } from '../ledger/digest.js'
import type { Clock } from '../platform/clock.js'
import type { Log } from '../platform/log.js'
import { CHANGE_COLUMNS } from '../state/change.js'
import { AuditChain } from './audit-chain.js'
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

/** The last change of each record up to a revision ($1), with the digest that it builds on. */
const LAST_OF_EACH = `linked AS (
    SELECT c.*, lag(c.digest, 1, coalesce((SELECT k.digest FROM ledger_checkpoint k), '${GENESIS_DIGEST}')) OVER (ORDER BY c.revision, c.ordinal) AS previous_digest
    FROM changes c WHERE c.revision <= $1
  ),
  last AS (SELECT DISTINCT ON (target_type, target_key) * FROM linked ORDER BY target_type, target_key, revision DESC, ordinal DESC)`

/**
 * How far one portion goes, and what the log begins with then. The head's own revision always stays, and nothing behind the first
 * change that is young enough goes.
 */
const REACH = `WITH start AS (SELECT coalesce(max(revision), 0) AS revision, max(unkept_revision) AS unkept FROM ledger_checkpoint),
  reach AS (
    SELECT least(start.revision + ${REVISIONS_AT_ONCE}, h.revision - 1, coalesce((SELECT min(c.revision) FROM changes c WHERE c.at >= $1), h.revision) - 1) AS revision
    FROM start, ledger_head h
  )
  SELECT start.revision AS base, start.unkept, c.revision, c.digest
  FROM start, changes c, reach WHERE c.revision = reach.revision ORDER BY c.ordinal DESC LIMIT 1`

const COUNT_KEPT = `WITH ${LAST_OF_EACH}
  SELECT ((SELECT count(*) FROM last WHERE action <> 'DELETE') + (SELECT count(*) FROM kept_changes k
    WHERE NOT EXISTS (SELECT FROM last l WHERE l.target_type = k.target_type AND l.target_key = k.target_key)))::int AS count`

const KEPT_COLUMNS = [...CHANGE_COLUMNS, 'previous_digest']

/**
 * One statement: rows, checkpoint and what is kept move together, and of two replicas at once the second one waits and finds the
 * checkpoint elsewhere.
 */
const COMPACT_CHANGES = `WITH ${LAST_OF_EACH},
  mark AS (
    INSERT INTO ledger_checkpoint (id, revision, digest, at, kept_count, unkept_revision, seal) VALUES (1, $1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, digest = excluded.digest, at = excluded.at,
      kept_count = excluded.kept_count, unkept_revision = excluded.unkept_revision, seal = excluded.seal
      WHERE ledger_checkpoint.revision = $7
    RETURNING revision
  ),
  kept AS (
    INSERT INTO kept_changes (${KEPT_COLUMNS.join(', ')}) SELECT ${KEPT_COLUMNS.map((name) => `l.${name}`).join(', ')} FROM last l, mark WHERE l.action <> 'DELETE'
    ON CONFLICT (target_type, target_key) DO UPDATE SET ${KEPT_COLUMNS.map((name) => `${name} = excluded.${name}`).join(', ')}
  ),
  ended AS (
    DELETE FROM kept_changes k USING last l, mark WHERE l.target_type = k.target_type AND l.target_key = k.target_key AND l.action = 'DELETE'
  )
  DELETE FROM changes c USING mark WHERE c.revision <= mark.revision`

const DROP_ANSWERS = `DELETE FROM idempotency_records
  WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_records WHERE expires_at <= $1 LIMIT ${ROWS_AT_ONCE})) AND expires_at <= $1`

/** One portion of the shortening: from where, up to where. */
interface Reach {
  readonly base: number
  readonly unkept: number | null
  readonly revision: number
  readonly digest: string
}

/** What rows are taken away from. */
export interface RetentionOptions {
  readonly database: QueryableDatabase
  readonly clock: Clock
  readonly log: Log
  readonly days: RetentionDays
  /** Seals where the log and the chain of events begin. */
  readonly auditKey: string | undefined
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
 * rest of the chain is verified from, and so does the last change of each record that stands, to compare it with. State is
 * never touched.
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
    const untilNone = async (portion: () => Promise<number>): Promise<number> => {
      let gone = 0
      for (let count = -1; count !== 0 && !signal?.aborted; gone += count) {
        // Taking away needs room too: the log of the database grows first.
        await database.assertWritable()
        count = await portion()
      }
      return gone
    }
    const chain = new AuditChain(database, this.#options.auditKey)
    return {
      changes: days.changes === 0 ? 0 : await untilNone(() => this.#compactChanges(before(days.changes), now)),
      auditEvents: days.auditEvents === 0 ? 0 : await untilNone(() => chain.shorten(before(days.auditEvents))),
      answers: await untilNone(async () => (await database.ask(DROP_ANSWERS, [now])).rowCount ?? 0),
    }
  }

  /** One portion; how many changes went. */
  async #compactChanges(before: Date, now: Date): Promise<number> {
    const { database, auditKey = '' } = this.#options
    const [reach] = (await database.ask<Reach>(REACH, [before])).rows
    if (!reach) return 0
    const { base, unkept, revision, digest } = reach
    const [kept] = (await database.ask<{ count: number }>(COUNT_KEPT, [revision])).rows
    const keptCount = kept?.count ?? 0
    const seal = checkpointSeal(auditKey, { revision, digest, keptCount, unkeptRevision: unkept })
    return (await database.ask(COMPACT_CHANGES, [revision, digest, now, keptCount, unkept, seal, base])).rowCount ?? 0
  }

  /** Waits for the statement that is under way. */
  close(): Promise<void> {
    return this.#task.stop()
  }
}
