import { evaluateFlag } from '../src/packs/feature-flags/evaluation/evaluate.js'
import type { EvaluationContext } from '../src/packs/feature-flags/evaluation/evaluation.js'
import { EvaluationSubject } from '../src/packs/feature-flags/evaluation/evaluation-subject.js'
import type { BareJob } from './bare-process.js'
import type { BuiltServer } from './built-server.js'
import type { Child } from './child.js'
import { CONTEXTS, PLAIN_FLAGS, TARGETED_FLAG } from './flags.js'
import type { Call, LoadJob, LoadResult } from './load.js'
import type { Measurement, Window } from './measurement.js'
import type { Fact } from './report.js'
import type { Scenario } from './rounds.js'
import { spreadOf } from './statistics.js'

/** Loads a server. */
export type Loader = Child<LoadJob, LoadResult>

const UNTARGETED_FLAG = { ...TARGETED_FLAG, strategies: [] }

/** No strategy here looks at the time. */
const NOW = new Date('2026-01-01T00:00:00.000Z')

/** What the answers to reads look like; the bare server's is one of them. */
const answerOf = (isEnabled: boolean): string => `{"data":{"isFeatureEnabled":${isEnabled}}}`

const PLAIN = 'query ($key: String!) { isFeatureEnabled(key: $key) }'
const TARGETED = 'query ($key: String!, $context: EvaluationContextInput) { isFeatureEnabled(key: $key, context: $context) }'

/** Reads of flags without strategies. */
export const PLAIN_READS: readonly (readonly Call[])[] = PLAIN_FLAGS.map(({ key, isEnabled }) => [
  { body: JSON.stringify({ query: PLAIN, variables: { key } }), answer: answerOf(isEnabled) },
])

const TARGETED_READS: readonly (readonly Call[])[] = CONTEXTS.map((context) => [
  {
    body: JSON.stringify({ query: TARGETED, variables: { key: TARGETED_FLAG.key, context } }),
    answer: answerOf(evaluate(TARGETED_FLAG, context)),
  },
])

/** What {@link readScenarios} need. */
export interface ReadParts {
  readonly server: BuiltServer
  readonly bare: Child<BareJob, number>
  readonly loader: Loader
  readonly window: Window
}

/** Reads on the built server, each beside a bare server that gets the very same requests. */
export async function readScenarios({ server, bare, loader, window }: ReadParts): Promise<Scenario[]> {
  const answer = answerOf(true)
  const barePort = await bare.ask({ answer })
  const scenarios: Scenario[] = []
  for (const [kind, groups] of [['plain', PLAIN_READS] as const, ['context', TARGETED_READS] as const]) {
    for (const connections of [1, 64]) {
      const baseline = `node:http, ${kind} request, ${connections} conn`
      const job = { ...jobOf(server), ...window, connections, groups }
      const bareJob = { ...job, port: barePort, groups: groups.map((calls) => calls.map(({ body }) => ({ body, answer }))) }
      scenarios.push({ name: baseline, measure: () => loader.ask(bareJob) })
      scenarios.push({ name: `isFeatureEnabled, ${kind}, ${connections} conn`, baseline, measure: () => loader.ask(job) })
    }
  }
  return scenarios
}

/** Where GraphQL is, with the admin's key. */
export function jobOf({ port, adminKey }: BuiltServer): Pick<LoadJob, 'host' | 'port' | 'path' | 'headers'> {
  return { host: '127.0.0.1', port, path: '/graphql', headers: { authorization: `Bearer ${adminKey}` } }
}

/** The evaluations alone, in this process. */
export function evaluationFacts(rounds: number, runMs: number): Fact[] {
  const times = { plain: [] as number[], targeted: [] as number[] }
  for (let round = 0; round <= rounds; round += 1) {
    const plain = timePerCall(runMs, (index) => evaluate(UNTARGETED_FLAG, CONTEXTS[index % CONTEXTS.length] ?? {}))
    const targeted = timePerCall(runMs, (index) => evaluate(TARGETED_FLAG, CONTEXTS[index % CONTEXTS.length] ?? {}))
    // The first round warms up.
    if (round === 0) continue
    times.plain.push(plain)
    times.targeted.push(targeted)
  }
  return [
    { name: 'evaluateFlag in process, plain', timeMs: spreadOf(times.plain) },
    { name: 'evaluateFlag in process, three strategies', timeMs: spreadOf(times.targeted) },
  ]
}

function evaluate(flag: typeof TARGETED_FLAG, context: EvaluationContext): boolean {
  const subject = new EvaluationSubject(context, NOW)
  return evaluateFlag({ key: flag.key, flag, revision: 0, subject, defaultValue: true, isExplained: true, random: () => 0.5 }).isEnabled
}

/** Milliseconds of one call, over at least `runMs`. */
function timePerCall(runMs: number, call: (index: number) => boolean): number {
  const startedAtMs = performance.now()
  let calls = 0
  let enabled = 0
  while (performance.now() - startedAtMs < runMs) {
    for (let index = 0; index < 1_000; index += 1) if (call(index)) enabled += 1
    calls += 1_000
  }
  const elapsedMs = performance.now() - startedAtMs
  if (enabled === 0) throw new Error('no evaluation was true, which cannot be')
  return elapsedMs / calls
}

/** Reads with and without commits beside them. */
export function readsBesideCommits(read: () => Promise<Measurement>, commit: () => Promise<Measurement>, engine: string): Scenario[] {
  const baseline = `isFeatureEnabled, 1 conn, ${engine}, nobody commits`
  return [
    { name: baseline, measure: read },
    {
      name: `isFeatureEnabled, 1 conn, ${engine}, 8 clients commit`,
      baseline,
      measure: async () => (await Promise.all([read(), commit()]))[0],
    },
  ]
}
