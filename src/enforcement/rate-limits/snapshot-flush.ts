import { BackgroundTask } from '../../core/background/background-task.js'
import type { QueryableDatabase } from '../../core/database/database.js'
import type { Clock } from '../../core/platform/clock.js'
import type { Log } from '../../core/platform/log.js'
import type { CounterReading, Counters } from './counters/counters.js'
import { MAX_REPORTED, type Tally, type TallyEntry } from './tally.js'

/** How often counters are reported, in milliseconds. */
const FLUSH_EVERY_MS = 5_000
/** Every so many flushes, rows that nobody needs are deleted. */
const CLEAN_EVERY_FLUSHES = 12
/** Rows in one statement: on the embedded database, requests get their turn in between. */
const BATCH = 250
/** The largest number that a column holds. */
const MAX_INTEGER = 2_147_483_647

/**
 * A row is what the counter says now, while denials add up. A counter that replicas share is reported by each of them: the
 * row keeps the newest window, and the most that was counted in it.
 */
const UPSERT = `INSERT INTO rate_limit_snapshots AS s
    (rule_id, key, scope, window_seconds, max_requests, current_count, denied_count, window_started_at, updated_at)
  SELECT n.rule_id, n.key, n.scope, n.window_seconds, n.max_requests, n.current_count, n.denied_count, n.window_started_at, n.updated_at
    FROM json_populate_recordset(NULL::rate_limit_snapshots, $1::json) n JOIN rate_limit_rules r ON r.id = n.rule_id
  ON CONFLICT (rule_id, key) DO UPDATE SET
    scope = excluded.scope, window_seconds = excluded.window_seconds, max_requests = excluded.max_requests,
    denied_count = LEAST(${MAX_INTEGER}, s.denied_count::bigint + excluded.denied_count),
    current_count = CASE WHEN $2 AND s.window_started_at > excluded.window_started_at THEN s.current_count
      WHEN $2 AND s.window_started_at = excluded.window_started_at THEN GREATEST(s.current_count, excluded.current_count)
      ELSE excluded.current_count END,
    window_started_at = CASE WHEN $2 THEN GREATEST(s.window_started_at, excluded.window_started_at) ELSE excluded.window_started_at END,
    updated_at = excluded.updated_at`

const DELETE_STALE = `DELETE FROM rate_limit_snapshots s
  WHERE s.updated_at < $1::timestamptz - make_interval(secs => 2 * s.window_seconds + 3600)
    OR NOT EXISTS (SELECT 1 FROM rate_limit_rules r WHERE r.id = s.rule_id)`

const DELETE_SURPLUS = `DELETE FROM rate_limit_snapshots s USING (
    SELECT rule_id, key FROM rate_limit_snapshots
    ORDER BY current_count::bigint + denied_count DESC, updated_at DESC OFFSET ${MAX_REPORTED}) o
  WHERE s.rule_id = o.rule_id AND s.key = o.key`

/** What reports counters. */
export interface SnapshotFlushOptions {
  readonly database: Pick<QueryableDatabase, 'ask' | 'assertWritable'>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<Log, 'warn' | 'info'>
  readonly counters: Pick<Counters, 'look'>
  readonly tally: Tally
  /** Called with each flush, whether something is to be reported or not. */
  readonly onFlush?: () => void
}

/** Writes what was counted lately to rate_limit_snapshots, off the path of requests. */
export class SnapshotFlush {
  readonly #options: SnapshotFlushOptions
  readonly #task: BackgroundTask
  #flushes = 0

  constructor(options: SnapshotFlushOptions) {
    this.#options = options
    const work = (): Promise<void> => this.#flush()
    this.#task = new BackgroundTask({ name: 'flushing rate limit snapshots', everyMs: FLUSH_EVERY_MS, log: options.log, work })
    this.#task.open()
  }

  /** Reports what has moved. Never throws: what could not be written stays for the next time. */
  flush(): Promise<void> {
    return this.#task.run()
  }

  /** Flushes for the last time. */
  close(): Promise<void> {
    return this.#task.close()
  }

  async #flush(): Promise<void> {
    const { tally, onFlush } = this.#options
    onFlush?.()
    const entries = tally.takeBusiest()
    let written = 0
    try {
      for (; written < entries.length; written += BATCH) await this.#write(entries.slice(written, written + BATCH))
      this.#flushes += 1
      if (this.#flushes % CLEAN_EVERY_FLUSHES === 0) await this.clean()
    } catch (error) {
      tally.putBack(entries.slice(written))
      throw error
    }
  }

  /** Deletes the rows of deleted rules, those that have not moved for two windows and an hour, and all but the busiest. */
  async clean(): Promise<void> {
    const { database, clock } = this.#options
    await database.assertWritable()
    await database.ask(DELETE_STALE, [clock.now()])
    await database.ask(DELETE_SURPLUS)
  }

  async #write(entries: readonly TallyEntry[]): Promise<void> {
    const { database, clock, counters } = this.#options
    await database.assertWritable()
    const readings = await counters.look(
      entries.map(({ applied }) => applied),
      1,
    )
    const now = clock.now()
    const rows = { shared: [] as object[], own: [] as object[] }
    for (const [index, entry] of entries.entries()) {
      const reading = readings[index] as CounterReading
      rows[reading.startedAtMs === undefined ? 'own' : 'shared'].push(rowOf(entry, reading, now))
    }
    if (rows.own.length > 0) await database.ask(UPSERT, [JSON.stringify(rows.own), false])
    if (rows.shared.length > 0) await database.ask(UPSERT, [JSON.stringify(rows.shared), true])
  }
}

function rowOf({ applied, denials }: TallyEntry, reading: CounterReading, now: Date): object {
  const { rule, subject } = applied
  return {
    rule_id: rule.id,
    key: subject,
    scope: rule.scope,
    window_seconds: rule.windowMs / 1_000,
    max_requests: rule.max,
    current_count: Math.min(MAX_INTEGER, reading.current),
    denied_count: Math.min(MAX_INTEGER, denials),
    window_started_at: new Date(reading.startedAtMs ?? now.getTime() - reading.elapsedMs).toISOString(),
    updated_at: now.toISOString(),
  }
}
