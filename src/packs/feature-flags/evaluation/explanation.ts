import type { EvaluableFlag, FlagConstraint, FlagStrategy } from './evaluation.js'

/** Why a strategy did not take the caller. */
export type StrategyMiss =
  | { readonly kind: 'CONSTRAINT'; readonly constraint: FlagConstraint }
  | { readonly kind: 'ROLLOUT_EMPTY' }
  | { readonly kind: 'STICKINESS_MISSING'; readonly field: string }
  | { readonly kind: 'ROLLOUT_OUT'; readonly percent: number }

/** How many strategies a sentence about misses names; a flag may have a hundred. */
export const EXPLAINED_MISSES = 3

/** What is said to whoever may not know the rules: those who hold such keys may be anybody (front ends). */
export const UNEXPLAINED = {
  match: 'A strategy of the flag matched.',
  noMatch: 'No strategy of the flag matched.',
} as const

/** Which strategy (index from 0) took the caller, and by what. Values of constraints and context are never shown. */
export function explainMatch(flag: EvaluableFlag, index: number, strategy: FlagStrategy): string {
  const count = strategy.constraints.length
  const conditions = count === 0 ? 'it has no constraints' : count === 1 ? 'its constraint holds' : `its ${count} constraints hold`
  const rollout =
    strategy.rolloutPercent >= 100
      ? 'its rollout takes everybody'
      : `its rollout of ${strategy.rolloutPercent} percent takes this caller (stickiness ${strategy.stickiness})`
  return `Strategy ${index + 1} of ${flag.strategies.length} matched: ${conditions} and ${rollout}.`
}

/** Why none of the strategies took the caller; `misses` holds the first {@link EXPLAINED_MISSES} of them. */
export function explainNoMatch(flag: EvaluableFlag, misses: readonly StrategyMiss[]): string {
  const total = flag.strategies.length
  const reasons = misses.map((miss, index) => (total === 1 ? explainMiss(miss) : `strategy ${index + 1}: ${explainMiss(miss)}`))
  const more = total > misses.length ? `; and ${total - misses.length} more` : ''
  const subject = total === 1 ? 'The only strategy did not match' : `None of the ${total} strategies matched`
  return `${subject}: ${reasons.join('; ')}${more}.`
}

function explainMiss(miss: StrategyMiss): string {
  switch (miss.kind) {
    case 'CONSTRAINT': {
      const { operator, contextField, isInverted } = miss.constraint
      return `its constraint ${isInverted ? 'not ' : ''}${operator} on ${contextField} does not hold`
    }
    case 'ROLLOUT_EMPTY':
      return 'its rollout of 0 percent takes nobody'
    case 'STICKINESS_MISSING':
      return `the context has no ${miss.field}, which its stickiness needs`
    case 'ROLLOUT_OUT':
      return `its rollout of ${miss.percent} percent leaves this caller out`
    default:
      return miss satisfies never
  }
}
