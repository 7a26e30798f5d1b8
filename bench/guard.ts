import { createHash } from 'node:crypto'
import { verifyKey } from '../src/packs/api-clients/keys/verify-key.js'
import { clientWithKey, snapshotOf } from '../test/testkit/api-clients.js'
import type { BuiltServer } from './built-server.js'
import type { Measurement, Window } from './measurement.js'
import { jobOf, type Loader, PLAIN_READS } from './reads.js'
import type { Scenario } from './rounds.js'

/** Rules that fit every request of the benchmark, and never deny one. */
const RULES = ['GLOBAL', 'IP', 'API_KEY'] as const
const SET_RULE = `mutation ($scope: RateLimitScope!, $isEnabled: Boolean!) {
  setRateLimitRule(input: { scope: $scope, windowSeconds: 60, maxRequests: 1000000000, isEnabled: $isEnabled }) { userErrors { message } }
}`

/** Calls between two looks at the clock. */
const CALLS_A_LOOK = 100

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

/** The key check alone, in this process (parse, look up, digest with a pepper, compare), beside the digest that any check needs. */
export function keyCheckScenarios({ warmUpMs, measureMs }: Window): Scenario[] {
  const baseline = 'SHA-256 of a key, in process'
  const pepper = 'pepper of the benchmark'
  const { client, keyText } = clientWithKey({}, pepper)
  const [snapshot, now] = [snapshotOf(client), new Date('2026-01-01T00:00:00.000Z')]
  const digest = (): boolean => createHash('sha256').update(keyText).digest('hex').length === 64
  const check = (): boolean => verifyKey(snapshot, keyText, { now, pepper }).verdict === 'VALID'
  const measure = (call: () => boolean) => async () => {
    repeat(call, warmUpMs)
    return repeat(call, measureMs)
  }
  return [
    { name: baseline, measure: measure(digest) },
    { name: 'key check, in process', baseline, measure: measure(check) },
  ]
}

/** Calls again and again for `runMs`. Throws Error when an answer is false. */
function repeat(call: () => boolean, runMs: number): Measurement {
  const startedAtMs = performance.now()
  let [count, elapsedMs] = [0, 0]
  for (; elapsedMs < runMs; elapsedMs = performance.now() - startedAtMs) {
    for (let index = 0; index < CALLS_A_LOOK; index += 1) if (!call()) throw new Error('a right key was refused')
    count += CALLS_A_LOOK
  }
  const timeMs = elapsedMs / count
  return { count, perSecond: 1_000 / timeMs, p50Ms: timeMs, p99Ms: timeMs }
}
