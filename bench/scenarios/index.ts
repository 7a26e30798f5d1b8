import type { BenchScenario } from '../bench.js'
import { besideCommits } from './beside-commits.js'
import { dashboard } from './dashboard.js'
import { evaluate } from './evaluate.js'
import { flag } from './flag.js'
import { list } from './list.js'
import { manyChanges } from './many-changes.js'
import { manyFlags } from './many-flags.js'
import { starts } from './starts.js'
import { toggle } from './toggle.js'

/** All that `npm run bench` measures, in this order. */
export const SCENARIOS: readonly BenchScenario[] = [
  ...[flag, list, dashboard, evaluate],
  ...[toggle, besideCommits],
  ...[manyFlags, manyChanges],
  starts,
]
