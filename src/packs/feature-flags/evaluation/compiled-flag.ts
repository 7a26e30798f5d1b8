import { derived } from '../../../core/state/derived.js'
import { countDrawable } from './bucketing.js'
import { type ConstraintTest, compileConstraint } from './constraints.js'
import type { EvaluableFlag, FlagStrategy } from './evaluation.js'

/** A strategy with the tests of its constraints, in their order. */
export interface CompiledStrategy {
  readonly strategy: FlagStrategy
  readonly tests: readonly ConstraintTest[]
}

/** A flag in the form in which it is evaluated. */
export interface CompiledFlag {
  readonly strategies: readonly CompiledStrategy[]
  /** Whether several variants can be drawn. */
  readonly isDrawn: boolean
}

/** The compiled form of a flag, made once for each of its records. Throws for stored data that no command has let in. */
export const compiledFlag: (flag: EvaluableFlag) => CompiledFlag = derived(({ strategies, variants }) => ({
  strategies: strategies.map((strategy) => ({ strategy, tests: strategy.constraints.map(compileConstraint) })),
  isDrawn: countDrawable(variants) > 1,
}))
