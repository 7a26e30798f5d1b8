import 'reflect-metadata'
import { writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import type { DatabaseEngine } from '../src/core/database/database.js'
import { createTestDatabase, usePostgres } from '../test/testkit/databases.js'
import { TEST_REDIS_URL } from '../test/testkit/redis.js'
import type { BareJob } from './bare-process.js'
import { type BuiltServer, startBuiltServer } from './built-server.js'
import { startChild } from './child.js'
import { commitScenarios } from './commits.js'
import { makeFlags } from './flags.js'
import { guardScenarios, keyCheckScenarios, removeRules } from './guard.js'
import type { LoadJob, LoadResult } from './load.js'
import type { Measurement, Window } from './measurement.js'
import { evaluationFacts, type Loader, readScenarios } from './reads.js'
import { type Section, tableOf } from './report.js'
import { runRounds } from './rounds.js'
import { measureScale, type ScaleOptions } from './scale.js'
import type { SqlJob } from './sql-process.js'
import { withStarts } from './starts.js'

/**
 * `npm run bench [-- --short] [-- --json FILE]`: measures the built server, as ratios to baselines of the same run. Needs
 * `npm run build`. Ends with status 1 when an answer was wrong; no time is ever a failure. `--short` (under a minute)
 * shows that everything works, its numbers mean little.
 */
interface Plan {
  readonly rounds: number
  readonly window: Window
  readonly scale: ScaleOptions
}

const FULL: Plan = {
  rounds: 5,
  window: { warmUpMs: 500, measureMs: 1_500 },
  scale: { sizes: [100, 10_000, 100_000], rounds: 5, window: { warmUpMs: 200, measureMs: 800 } },
}
const SHORT: Plan = {
  rounds: 2,
  window: { warmUpMs: 150, measureMs: 250 },
  scale: { sizes: [100, 10_000], rounds: 2, window: { warmUpMs: 50, measureMs: 150 } },
}

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false }, json: { type: 'string' } } })
const plan = values.short ? SHORT : FULL
const loads = [loadavg()[0] ?? 0]
const sections: Section[] = []
console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, load ${loads[0]?.toFixed(2)}`)
console.log(`Medians of ${plan.rounds} rounds; ratios are of rates in the same round, above 1 is faster than the baseline.`)

await withStarts(async (scenarios) => show({ title: 'Starts', rows: await runRounds(scenarios, plan.rounds), facts: [] }))
const loader: Loader = startChild<LoadJob, LoadResult>('./load-process.js')
try {
  await withServer(undefined, async (server) => {
    await measureReads(server)
    await measureGuard(server)
    await measureCommits('pglite', server)
  })
  if (await usePostgres()) await onPostgres((server) => measureCommits('postgresql', server))
} finally {
  await loader.stop()
}
show(await measureScale(plan.scale))
loads.push(loadavg()[0] ?? 0)
console.log(`\nload average at the end ${loads.at(-1)?.toFixed(2)}, ${Math.round(performance.now() / 1_000)} s`)
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ node: process.version, loads, plan, sections }, null, 2)}\n`)

async function withServer(databaseUrl: string | undefined, work: (server: BuiltServer) => Promise<void>): Promise<void> {
  const server = await startBuiltServer(databaseUrl)
  try {
    await makeFlags(server)
    await work(server)
  } finally {
    await server.stop()
  }
}

async function onPostgres(work: (server: BuiltServer) => Promise<void>): Promise<void> {
  const database = await createTestDatabase()
  try {
    await withServer(database.url, work)
  } finally {
    await database.drop()
  }
}

async function measureReads(server: BuiltServer): Promise<void> {
  const bare = startChild<BareJob, number>('./bare-process.js')
  try {
    const scenarios = await readScenarios({ server, bare, loader, window: plan.window })
    const rows = await runRounds(scenarios, plan.rounds)
    show({ title: 'Reads over HTTP', rows, facts: evaluationFacts(plan.rounds, plan.window.warmUpMs / 2) })
  } finally {
    await bare.stop()
  }
}

async function measureGuard(server: BuiltServer): Promise<void> {
  const redisServer =
    TEST_REDIS_URL === undefined
      ? undefined
      : await startBuiltServer(undefined, { REDIS_URL: TEST_REDIS_URL, VALHALLA_ENV: `bench-${process.pid}` })
  try {
    if (redisServer) await makeFlags(redisServer)
    const { window, rounds } = plan
    const scenarios = [...guardScenarios({ server, redisServer, loader, window }), ...keyCheckScenarios(window)]
    show({ title: 'The guard', rows: await runRounds(scenarios, rounds), facts: [] })
    for (const on of [server, redisServer]) if (on) await removeRules(on)
  } finally {
    await redisServer?.stop()
  }
}

async function measureCommits(engine: DatabaseEngine, server: BuiltServer): Promise<void> {
  const sql = startChild<SqlJob, Measurement>('./sql-process.js', [engine])
  try {
    const scenarios = commitScenarios({ engine, server, sql, loader, window: plan.window })
    show({ title: `Commits over HTTP, ${engine}`, rows: await runRounds(scenarios, plan.rounds), facts: [] })
  } finally {
    await sql.stop()
  }
}

function show(section: Section): void {
  sections.push(section)
  console.log(`\n${tableOf(section)}`)
}
