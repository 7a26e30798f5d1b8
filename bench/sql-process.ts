import type { DatabaseEngine } from '../src/core/database/database.js'
import { openTestDatabase } from '../test/testkit/databases.js'
import { answerJobs } from './child.js'
import { type Measurement, Stopwatch, type Window } from './measurement.js'

/** A closed loop of `SELECT 1`, through the server's own kind of pool. */
export interface SqlJob extends Window {
  readonly callers: number
}

const opening = openTestDatabase(process.argv[2] as DatabaseEngine)

answerJobs(
  async (job: SqlJob): Promise<Measurement> => {
    const { pool } = await opening
    const watch = new Stopwatch(job)
    const repeat = async (): Promise<void> => {
      while (!watch.isOver) {
        const startedAtMs = performance.now()
        const { rows } = await pool.query<{ one: number }>('SELECT 1 AS one')
        watch.note(startedAtMs)
        if (rows[0]?.one !== 1) throw new Error(`SELECT 1 answered ${JSON.stringify(rows)}`)
      }
    }
    await Promise.all(Array.from({ length: job.callers }, repeat))
    return watch.result()
  },
  async () => (await opening).close(),
)
