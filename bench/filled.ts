import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../src/core/database/database.js'
import { openDatabase } from '../src/core/database/open.js'
import { systemClock } from '../src/core/platform/clock.js'
import { createTestDatabase, silentLog, usePostgres } from '../test/testkit/databases.js'
import type { Bench } from './bench.js'
import type { Fact } from './report.js'
import { type BuiltServer, startBuiltServer } from './servers/built-server.js'
import type { Stall } from './servers/measured-process.js'
import { spreadOf } from './statistics.js'

/**
 * Runs `work` with the built server on a database that `fill` has written many rows into: PostgreSQL where it answers, else the
 * embedded one. `startMs` is how long the server took to be ready.
 */
export async function withFilled(
  { dist }: Bench,
  fill: (database: Database) => Promise<void>,
  work: (server: BuiltServer, startMs: number) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'valhalla-bench-'))
  const dataDir = join(root, 'data')
  const postgres = (await usePostgres()) ? await createTestDatabase() : undefined
  try {
    const database = await openDatabase({ databaseUrl: postgres?.url, dataDir, reserveBytes: 0, log: silentLog, clock: systemClock })
    await fill(database).finally(() => database.close())
    const startedAtMs = performance.now()
    const server = await startBuiltServer({ dist, databaseUrl: postgres?.url, settings: { VALHALLA_DATA_DIR: dataDir } })
    await work(server, performance.now() - startedAtMs).finally(() => server.stop())
  } finally {
    await postgres?.drop()
    await rm(root, { recursive: true, force: true })
  }
}

/** Inserts plain flags `flag-0`... in groups of `size / 50`. */
export async function insertFlags({ pool }: Database, count: number): Promise<void> {
  await pool.query(
    `INSERT INTO feature_flags (key, id, "group", description, is_enabled, strategies, variants, version, created_at, updated_at)
     SELECT 'flag-' || i, 'id-' || i, 'group-' || i % 50, 'Flag number ' || i, true, '[]', '[]', 1, now(), now() FROM generate_series(0, $1::int - 1) i`,
    [count],
  )
}

/** How long single queries take, one after the other, and how long they hold the event loop at the longest. */
export async function timeQueries(server: BuiltServer, queries: Readonly<Record<string, string>>, times: number): Promise<Fact[]> {
  const facts: Fact[] = []
  for (const [name, query] of Object.entries(queries)) {
    for (let index = 0; index < Math.ceil(times / 3); index += 1) await server.ask(query)
    await server.longestStall()
    const timesMs: number[] = []
    const stalls: Stall[] = []
    for (let index = 0; index < times; index += 1) {
      const startedAtMs = performance.now()
      await server.ask(query)
      timesMs.push(performance.now() - startedAtMs)
      stalls.push(await server.longestStall())
    }
    facts.push({ name, timeMs: spreadOf(timesMs) })
    facts.push({ name: `${name}, longest stall of the event loop`, timeMs: spreadOf(stalls.map(({ clockMs }) => clockMs)) })
  }
  return facts
}
