import type pg from 'pg'
import type { DatabaseLog } from '../database.js'

/** How often to look whether there is something to do. */
const INTERVAL_MS = 4 * 60_000
/** Written log after which tables are vacuumed. */
const VACUUM_AFTER_BYTES = 16n * 1024n * 1024n

/** What runs the chores of a database that has no background workers. */
export interface Housekeeping {
  /** Does now what there is to do; nothing when nothing was written. Resolves to what was done. */
  run(): Promise<{ readonly hasCheckpointed: boolean; readonly vacuumed: number }>
  /** Ends it; waits for at most the one statement that is under way. */
  stop(): Promise<void>
}

/** Settings of {@link keepHouse}. */
export interface HousekeepingOptions {
  readonly pool: pg.Pool
  readonly log: DatabaseLog
  /** Throws when the disk has no room for what a vacuum writes. */
  assertWritable(): Promise<void>
  /** Written log after which tables are vacuumed; bytes. */
  readonly vacuumAfterBytes?: bigint
}

/**
 * Does what PostgreSQL's checkpointer and autovacuum do on a server, and what PGlite lacks: without checkpoints its log
 * grows without bound, without vacuum its tables do. One table at a time, so that others get their turn in between.
 */
export function keepHouse({ pool, log, assertWritable, vacuumAfterBytes = VACUUM_AFTER_BYTES }: HousekeepingOptions): Housekeeping {
  let isStopping = false
  let checkpointedAt: bigint | undefined
  let vacuumedAt = 0n
  const hasRoom = () =>
    assertWritable().then(
      () => true,
      () => false,
    )
  const chores = async () => {
    const writtenTo = await logPosition(pool)
    checkpointedAt ??= writtenTo
    if (isStopping || writtenTo === checkpointedAt) return { hasCheckpointed: false, vacuumed: 0 }
    let vacuumed = 0
    if (writtenTo - vacuumedAt >= vacuumAfterBytes) {
      const all = await tables(pool)
      for (const table of all) {
        if (isStopping || !(await hasRoom())) break
        await pool.query(`VACUUM (ANALYZE) ${table}`)
        vacuumed += 1
      }
      if (vacuumed === all.length) vacuumedAt = await logPosition(pool)
    }
    // Without room, too: it makes some, as it lets go of old log.
    if (!isStopping) await pool.query('CHECKPOINT')
    checkpointedAt = await logPosition(pool)
    return { hasCheckpointed: true, vacuumed }
  }
  let current: ReturnType<typeof chores> = Promise.resolve({ hasCheckpointed: false, vacuumed: 0 })
  const run = () => {
    const next = current.then(chores, chores)
    current = next
    return next
  }
  const runSafely = () => run().catch((error: unknown) => log.warn({ err: error }, 'housekeeping of the embedded database failed'))
  const timer = setInterval(runSafely, INTERVAL_MS)
  timer.unref()
  void logPosition(pool).then(
    (position) => {
      checkpointedAt ??= position
    },
    () => undefined,
  )
  const stop = async () => {
    isStopping = true
    clearInterval(timer)
    await current.catch(() => undefined)
  }
  return { run, stop }
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
