import type { BenchScenario } from '../bench.js'
import { CONTEXTS } from '../flags.js'
import { unleashEvaluates } from '../peers/unleash.js'
import { callsOf, readScenario } from '../reads.js'

/** What is asked here, and what the answers are compared with those of a peer by. */
export const EVALUATE = `query ($context: EvaluationContextInput) {
  evaluateFlags(group: "bench", context: $context) { key isEnabled reason variant }
}`

/** Fifty flags for a context that nobody asked for before. */
export const evaluate: BenchScenario = readScenario({
  name: 'evaluate',
  measures: '50 flags, every request another context',
  groups: callsOf(
    EVALUATE,
    CONTEXTS.map((context) => ({ context })),
  ),
  peers: unleashEvaluates,
})
