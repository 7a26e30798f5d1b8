import type { DatabaseEngine } from '../../src/core/database/database.js'
import { createTestDatabase, usePostgres } from '../../test/testkit/databases.js'
import { type Bench, type BenchScenario, jobOf, withBuilt } from '../bench.js'
import { startChild } from '../child.js'
import { CONTEXTS, makeFlags, makeToggled, setRules, TARGETED_KEY } from '../flags.js'
import type { LoadJob, LoadResult } from '../load.js'
import type { Measurement } from '../measurement.js'
import { callsOf } from '../reads.js'
import { runRounds } from '../rounds.js'
import type { BuiltServer } from '../servers/built-server.js'
import { TOGGLES, verified } from './toggle.js'

const COMMITS_PER_SECOND = 200
const QUERY = 'query ($key: String!, $context: EvaluationContextInput) { isFeatureEnabled(key: $key, context: $context) }'
const READS = callsOf(
  QUERY,
  CONTEXTS.map((context) => ({ key: TARGETED_KEY, context })),
)

/** How long the slowest of a hundred reads takes, alone and while others commit. */
export const besideCommits: BenchScenario = {
  name: 'beside-commits',
  measures: `p99 of reads beside ${COMMITS_PER_SECOND} commits a second, both engines`,
  seconds: ({ warmUpMs, measureMs, rounds }) => 2 * (8 + (2 * warmUpMs + 2 * rounds * measureMs * 1.1) / 1_000),
  async run(bench) {
    if (await usePostgres()) {
      const database = await createTestDatabase()
      await withBuilt(bench, { databaseUrl: database.url }, (server) => measure(bench, 'postgresql', server)).finally(() => database.drop())
    }
    await withBuilt(bench, {}, (server) => measure(bench, 'pglite', server))
  },
}

async function measure(bench: Bench, engine: DatabaseEngine, server: BuiltServer): Promise<void> {
  await makeFlags(server)
  await makeToggled(server)
  await setRules(server, true)
  const { plan, loader } = bench
  const committer = startChild<LoadJob, LoadResult>('./load-process.js')
  const windowOf = (measureMs: number) => ({ warmUpMs: measureMs / 10, measureMs })
  const read = async (measureMs: number): Promise<Measurement> => {
    const result = await loader.ask({ ...jobOf(server), ...windowOf(measureMs), connections: 1, groups: READS })
    return { ...result, perSecond: 1_000 / result.p99Ms }
  }
  const commit = (measureMs: number) =>
    verified(server, () =>
      committer.ask({ ...jobOf(server), ...windowOf(measureMs), connections: 8, groups: TOGGLES, callsPerSecond: COMMITS_PER_SECOND }),
    )
  const both = async (measureMs: number): Promise<Measurement> => (await Promise.all([read(measureMs), commit(measureMs)]))[0]
  try {
    await both(plan.warmUpMs)
    const baseline = 'reads alone'
    const scenarios = [
      { name: baseline, measure: () => read(plan.measureMs) },
      { name: `reads beside ${COMMITS_PER_SECOND} commits/s`, baselines: [baseline], measure: () => both(plan.measureMs) },
    ]
    bench.show({
      title: `beside-commits: one reader, ${engine}`,
      unit: '1 s / p99',
      rows: await runRounds(scenarios, plan.rounds),
      facts: [],
    })
  } finally {
    await committer.stop()
  }
}
