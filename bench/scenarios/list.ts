import type { BenchScenario } from '../bench.js'
import { SERIAL } from '../load.js'
import { callsOf, readScenario } from '../reads.js'

const QUERY = `query ($first: Int!) {
  featureFlags(first: $first) { nodes { key group description isEnabled version updatedAt } }
}`

/** Six fields of fifty flags. No two requests are the same, so that none is answered from what was kept of another. */
export const list: BenchScenario = readScenario({
  name: 'list',
  measures: '50 flags with 6 fields, no request twice',
  groups: callsOf(
    QUERY,
    Array.from({ length: 100 }, () => ({ first: 50, serial: SERIAL })),
  ),
})
