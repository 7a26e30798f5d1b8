import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, usePostgres } from '../../test/testkit/databases.js'
import type { BenchScenario } from '../bench.js'
import type { Measurement } from '../measurement.js'
import { runRounds, type Scenario } from '../rounds.js'
import { type BuiltServerOptions, startBuiltServer } from '../servers/built-server.js'
import { startMeasured } from '../servers/measured-process.js'

/** The least that a start can be: Node, and a server that listens. */
const BARE = `const server = require("node:http").createServer().listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: "http://127.0.0.1:" + server.address().port })))`
const LEAST_ROUNDS = 9

/**
 * Starts of the built server, until it says that it is ready, beside those of a bare node:http server: on a new data directory (from
 * the build's template), on one that is there, and on a PostgreSQL database that is there. They are started as anybody would: no meter,
 * any processor.
 */
export const starts: BenchScenario = {
  name: 'starts',
  measures: 'first and later starts, both engines, beside a bare node:http start',
  seconds: ({ isShort, rounds }) => (isShort ? 8 : 8 + Math.max(rounds, LEAST_ROUNDS) * 5),
  async run(bench) {
    const root = await mkdtemp(join(tmpdir(), 'valhalla-bench-starts-'))
    const postgres = (await usePostgres()) ? await createTestDatabase() : undefined
    const { dist, plan } = bench
    const kept = join(root, 'kept')
    const on = (dataDir: string, databaseUrl?: string): BuiltServerOptions => ({
      ...{ dist, databaseUrl, isPlain: true, settings: { VALHALLA_DATA_DIR: dataDir } },
    })
    const baselines = ['bare node:http']
    const scenarios: Scenario[] = [
      { name: 'bare node:http', measure: () => timeStart(() => startMeasured({ args: ['--eval', BARE], env: {}, isPlain: true })) },
      {
        name: 'first start, embedded',
        baselines,
        measure: () => timeStart(() => startBuiltServer(on(join(root, `new-${performance.now()}`)))),
      },
      { name: 'later start, embedded', baselines, measure: () => timeStart(() => startBuiltServer(on(kept))) },
    ]
    if (postgres)
      scenarios.push({
        name: 'later start, PostgreSQL',
        baselines,
        measure: () => timeStart(() => startBuiltServer(on(kept, postgres.url))),
      })
    try {
      for (const { measure } of scenarios) await measure()
      const rows = await runRounds(scenarios, plan.isShort ? 1 : Math.max(plan.rounds, LEAST_ROUNDS))
      bench.show({ title: 'starts: until it is ready', unit: 'per second', rows, facts: [] })
    } finally {
      await postgres?.drop()
      await rm(root, { recursive: true, force: true })
    }
  },
}

async function timeStart(start: () => Promise<{ stop(): Promise<void> }>): Promise<Measurement> {
  const startedAtMs = performance.now()
  const server = await start()
  const timeMs = performance.now() - startedAtMs
  await server.stop()
  return { count: 1, perSecond: 1_000 / timeMs, p50Ms: timeMs, p99Ms: timeMs }
}
