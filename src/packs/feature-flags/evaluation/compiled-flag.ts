import { derived } from '../../../core/state/derived.js'
import { countDrawable } from './bucketing.js'
import { type ConstraintTest, compileConstraint } from './constraints.js'
import type { EvaluableFlag, FlagConstraint, FlagStrategy } from './evaluation.js'

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
  strategies: strategies.map(compileStrategy),
  isDrawn: countDrawable(variants) > 1,
}))

function compileStrategy(strategy: FlagStrategy): CompiledStrategy {
  demandTexts(strategy.stickiness)
  // Array.from also looks at what a list leaves out.
  return { strategy, tests: Array.from(strategy.constraints, compileNamed) }
}

function compileNamed(constraint: FlagConstraint): ConstraintTest {
  demandTexts(constraint.operator, constraint.contextField)
  return compileConstraint(constraint)
}

/** What an explanation names is a text: it is written later, when nothing can become reason ERROR any more. */
function demandTexts(...names: readonly unknown[]): void {
  if (!names.every((name) => typeof name === 'string')) throw new TypeError('a strategy names something that is no text')
}
