import { TEST_REDIS_URL } from '../../test/testkit/redis.js'
import type { Bench, BenchScenario } from '../bench.js'
import { CONTEXTS, makeFlags, setRules, TARGETED_KEY } from '../flags.js'
import { callsOf, readScenario, type Way } from '../reads.js'
import { type BuiltServer, startBuiltServer } from '../servers/built-server.js'

const QUERY = `query ($key: String!, $context: EvaluationContextInput) {
  evaluateFlag(key: $key, context: $context) { key isEnabled reason }
}`

/** One flag with three strategies; every request is of another user. */
export const flag: BenchScenario = readScenario({
  name: 'flag',
  measures: 'one flag with three strategies, every request another user',
  groups: callsOf(
    QUERY,
    CONTEXTS.map((context) => ({ key: TARGETED_KEY, context })),
  ),
  ways: waysOf,
  countWays: TEST_REDIS_URL === undefined ? 2 : 3,
})

async function waysOf(bench: Bench, server: BuiltServer): Promise<readonly Way[]> {
  const ways: Way[] = [
    { name: 'this project, no rule', server, prepare: () => setRules(server, false) },
    { name: 'this project, 3 rules', server, prepare: () => setRules(server, true) },
  ]
  if (TEST_REDIS_URL === undefined) return ways
  const settings = { REDIS_URL: TEST_REDIS_URL, VALHALLA_ENV: `bench-${process.pid}` }
  const redis = await startBuiltServer({ dist: bench.dist, settings })
  await makeFlags(redis)
  await setRules(redis, true)
  return [...ways, { name: 'this project, 3 rules in Redis', server: redis }]
}
