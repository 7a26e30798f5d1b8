import type pg from 'pg'
import type { Database } from '../../src/core/database/database.js'
import { openDatabase } from '../../src/core/database/open.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { openTestDatabase, silentLog } from '../../test/testkit/databases.js'
import { answerJobs } from '../child.js'
import { type Measurement, Stopwatch, type Window } from '../measurement.js'

/** A closed loop of bare transactions: one row changed, one row written, as little as a change with a log can be. */
export interface TransactionJob extends Window {
  readonly callers: number
}

/** PostgreSQL; left out: an embedded database of its own. */
const databaseUrl = process.argv[2]
const ROWS = 100
const opening = open().then(async (database) => {
  const { pool } = database
  await pool.query('CREATE TABLE bench_flags (id int PRIMARY KEY, is_enabled boolean NOT NULL, version int NOT NULL)')
  await pool.query('CREATE TABLE bench_log (id bigserial PRIMARY KEY, flag int NOT NULL, before json, after json, at timestamptz NOT NULL)')
  await pool.query(`INSERT INTO bench_flags SELECT i, true, 1 FROM generate_series(0, ${ROWS - 1}) i`)
  return database
})

function open(): Promise<Database> {
  if (databaseUrl === undefined) return openTestDatabase('pglite')
  return openDatabase({ databaseUrl, dataDir: '', reserveBytes: 0, log: silentLog, clock: systemClock })
}

answerJobs(
  async (job: TransactionJob): Promise<Measurement> => {
    const { pool } = await opening
    const watch = new Stopwatch(job)
    const repeat = async (caller: number): Promise<void> => {
      for (let index = caller; !watch.isOver; index += 1) {
        const startedAtMs = performance.now()
        const client = await pool.connect()
        await transact(client, index % ROWS).finally(() => client.release())
        watch.note(startedAtMs)
      }
    }
    await Promise.all(Array.from({ length: job.callers }, (_, caller) => repeat(caller)))
    return watch.result()
  },
  async () => (await opening).close(),
)

async function transact(client: pg.PoolClient | pg.ClientBase, id: number): Promise<void> {
  await client.query('BEGIN')
  await client.query({
    name: 'bench-set',
    text: 'UPDATE bench_flags SET is_enabled = NOT is_enabled, version = version + 1 WHERE id = $1',
    values: [id],
  })
  await client.query({
    name: 'bench-log',
    text: `INSERT INTO bench_log (flag, before, after, at) VALUES ($1, '{"isEnabled":true}', '{"isEnabled":false}', now())`,
    values: [id],
  })
  await client.query('COMMIT')
}
