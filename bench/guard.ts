import { verifyKey } from '../src/packs/api-clients/verify-key.js'
import { clientWithKey, snapshotOf } from '../test/testkit/api-clients.js'
import type { BuiltServer } from './built-server.js'
import type { Window } from './measurement.js'
import { jobOf, type Loader, PLAIN_READS } from './reads.js'
import type { Fact } from './report.js'
import type { Scenario } from './rounds.js'
import { spreadOf } from './statistics.js'

/** Rules that fit every request of the benchmark, and never deny one. */
const RULES = ['GLOBAL', 'IP', 'API_KEY'] as const
const SET_RULE = `mutation ($scope: RateLimitScope!, $isEnabled: Boolean!) {
  setRateLimitRule(input: { scope: $scope, windowSeconds: 60, maxRequests: 1000000000, isEnabled: $isEnabled }) { userErrors { message } }
}`

/** What {@link guardScenarios} need. */
export interface GuardParts {
  /** Counts in memory. */
  readonly server: BuiltServer
  /** Counts in Redis; undefined where there is none. */
  readonly redisServer: BuiltServer | undefined
  readonly loader: Loader
  readonly window: Window
}

/** What the rate limiter costs a read: nothing to count, three rules in memory, three rules in Redis. */
export function guardScenarios({ server, redisServer, loader, window }: GuardParts): Scenario[] {
  const baseline = 'isFeatureEnabled, key check, no rule, 64 conn'
  const measure = (on: BuiltServer, isEnabled: boolean) => async () => {
    for (const scope of RULES) await on.ask(SET_RULE, { scope, isEnabled })
    return loader.ask({ ...jobOf(on), ...window, connections: 64, groups: PLAIN_READS })
  }
  const scenarios: Scenario[] = [
    { name: baseline, measure: measure(server, false) },
    { name: '3 rules in memory', baseline, measure: measure(server, true) },
  ]
  if (redisServer) scenarios.push({ name: '3 rules in Redis', baseline, measure: measure(redisServer, true) })
  return scenarios
}

/** Takes the rules away, so that what is measured next is not limited. */
export async function removeRules(server: BuiltServer): Promise<void> {
  for (const scope of RULES) await server.ask(SET_RULE, { scope, isEnabled: false })
}

/** The key check alone, in this process: parse, look up, digest with a pepper, compare. */
export function keyCheckFact(rounds: number, runMs: number): Fact {
  const pepper = 'pepper of the benchmark'
  const { client, keyText } = clientWithKey({}, pepper)
  const [snapshot, now] = [snapshotOf(client), new Date('2026-01-01T00:00:00.000Z')]
  const times: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const startedAtMs = performance.now()
    let calls = 0
    while (performance.now() - startedAtMs < runMs) {
      for (let index = 0; index < 100; index += 1) {
        if (verifyKey(snapshot, keyText, { now, pepper }).verdict !== 'VALID') throw new Error('a right key was refused')
      }
      calls += 100
    }
    // The first round warms up.
    if (round > 0) times.push((performance.now() - startedAtMs) / calls)
  }
  return { name: 'key check in process', timeMs: spreadOf(times) }
}
