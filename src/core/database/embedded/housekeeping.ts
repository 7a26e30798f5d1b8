import type pg from 'pg'
import { BackgroundTask } from '../../background/background-task.js'
import type { DatabaseLog } from '../database.js'

/** How often to look whether there is something to do. */
const INTERVAL_MS = 4 * 60_000
/** Written log after which tables are vacuumed. */
const VACUUM_AFTER_BYTES = 16n * 1024n * 1024n

/** Settings of {@link keepHouse}. */
export interface HousekeepingOptions {
  readonly pool: pg.Pool
  readonly log: DatabaseLog
  /** Throws when the disk has no room for what a vacuum writes. */
  assertWritable(): Promise<void>
  /** Written log after which tables are vacuumed; bytes. */
  readonly vacuumAfterBytes?: bigint
}

/** What a run has done; nothing when nothing was written since the last one. */
export interface Chores {
  readonly hasCheckpointed: boolean
  /** How many tables. */
  readonly vacuumed: number
}

/**
 * Does what PostgreSQL's checkpointer and autovacuum do on a server, and what PGlite lacks: without checkpoints its log
 * grows without bound, without vacuum its tables do. One table at a time, so that others get their turn in between, and a
 * stop waits for the one statement that is under way.
 */
export function keepHouse(options: HousekeepingOptions): BackgroundTask<Chores> {
  const { pool, log, assertWritable, vacuumAfterBytes = VACUUM_AFTER_BYTES } = options
  let checkpointedAt: bigint | undefined
  let vacuumedAt = 0n
  const hasRoom = () =>
    assertWritable().then(
      () => true,
      () => false,
    )
  const work = async (signal: AbortSignal): Promise<Chores> => {
    const writtenTo = await logPosition(pool)
    checkpointedAt ??= writtenTo
    if (signal.aborted || writtenTo === checkpointedAt) return { hasCheckpointed: false, vacuumed: 0 }
    let vacuumed = 0
    if (writtenTo - vacuumedAt >= vacuumAfterBytes) {
      const all = await tables(pool)
      for (const table of all) {
        if (signal.aborted || !(await hasRoom())) break
        await pool.query(`VACUUM (ANALYZE) ${table}`)
        vacuumed += 1
      }
      if (vacuumed === all.length) vacuumedAt = await logPosition(pool)
    }
    // Without room, too: it makes some, as it lets go of old log.
    if (!signal.aborted) await pool.query('CHECKPOINT')
    checkpointedAt = await logPosition(pool)
    return { hasCheckpointed: true, vacuumed }
  }
  const task = new BackgroundTask({ name: 'housekeeping of the embedded database', everyMs: INTERVAL_MS, log, work })
  task.open()
  // The first run only looks where the log stands.
  void task.run()
  return task
}

/** How much log was ever written, in bytes. */
async function logPosition(pool: pg.Pool): Promise<bigint> {
  const { rows } = await pool.query<{ position: string }>(`SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS position`)
  return BigInt(rows[0]?.position ?? 0)
}

/** Everything that can be vacuumed, the catalogue included: it ages too, and the oldest table holds the transaction counter back. */
async function tables(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', nspname, relname) AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'm') AND nspname NOT LIKE 'pg_temp%' ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}
