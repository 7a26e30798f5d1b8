import { bucketKey, countDrawable, isInRollout, pickVariant, readDefaultStickiness, readStickiness, toHundredths } from './bucketing.js'
import { isConstraintMet } from './constraints.js'
import type { EvaluableFlag, Evaluation, EvaluationContext, EvaluationReason, FlagStrategy } from './evaluation.js'
import { EXPLAINED_MISSES, explainMatch, explainNoMatch, type StrategyMiss, UNEXPLAINED } from './explanation.js'

/** Everything that an evaluation depends on. */
export interface EvaluationInput {
  readonly key: string
  /** The flag of that key; undefined when there is none. */
  readonly flag: EvaluableFlag | undefined
  readonly context: EvaluationContext
  /** What holds when there is no such flag, or when its evaluation fails. */
  readonly defaultValue: boolean
  readonly now: Date
  /** Whether the explanation may tell of the flag's strategies: their number, constraints, rollouts and stickiness. */
  readonly isExplained: boolean
  /** A number in 0 (inclusive) to 1 (exclusive), for stickiness that is random. */
  readonly random: () => number
  /** Told of what made an evaluation fail (reason ERROR); what it throws itself is dropped. */
  readonly onError?: (error: unknown, key: string) => void
}

/**
 * Evaluates one flag for one context. Pure but for `random`, and never throws: an error in it is reason ERROR with the
 * default. Strategies are tried in order and the first that takes the caller decides. Reasons are OpenFeature's, see
 * EVALUATION_REASONS; when no strategy matches the flag is off, by SPLIT if a partial rollout left the caller out, else by
 * DEFAULT, OpenFeature's word for an evaluation that yields no result.
 */
export function evaluateFlag(input: EvaluationInput): Evaluation {
  try {
    return decide(input)
  } catch (error) {
    report(input, error)
    const explanation = 'The evaluation failed, so the default given by the caller holds.'
    return { key: input.key, isEnabled: input.defaultValue, reason: 'ERROR', variant: null, value: null, explanation }
  }
}

function report(input: EvaluationInput, error: unknown): void {
  try {
    input.onError?.(error, input.key)
  } catch {
    // A broken logger must not break an evaluation.
  }
}

function decide(input: EvaluationInput): Evaluation {
  const { key, flag } = input
  if (flag === undefined) {
    const explanation = 'There is no flag of this key, so the default given by the caller holds.'
    return { key, isEnabled: input.defaultValue, reason: 'DEFAULT', variant: null, value: null, explanation }
  }
  if (!flag.isEnabled) return off(key, 'DISABLED', 'The flag is switched off for everybody.')
  if (flag.strategies.length === 0) return decideStatic(input, flag)
  return decideByStrategies(input, flag)
}

function decideStatic(input: EvaluationInput, flag: EvaluableFlag): Evaluation {
  const explanation = 'The flag is on for everybody: it has no strategies.'
  if (flag.variants.length === 0) return { key: input.key, isEnabled: true, reason: 'STATIC', variant: null, value: null, explanation }
  return on(input, flag, { reason: 'STATIC', bucket: bucketKey(flag.key, readDefaultStickiness(input)), explanation })
}

function decideByStrategies(input: EvaluationInput, flag: EvaluableFlag): Evaluation {
  const misses: StrategyMiss[] = []
  let isLeftOut = false
  for (const [index, strategy] of flag.strategies.entries()) {
    const outcome = tryStrategy(input, flag, strategy)
    if (outcome.kind === 'HIT') {
      const reason = toHundredths(strategy.rolloutPercent) < 10_000 ? 'SPLIT' : 'TARGETING_MATCH'
      const explanation = input.isExplained ? explainMatch(flag, index, strategy) : UNEXPLAINED.match
      return on(input, flag, { reason, bucket: outcome.key, explanation })
    }
    if (outcome.kind === 'ROLLOUT_OUT') isLeftOut = true
    if (misses.length < EXPLAINED_MISSES) misses.push(outcome)
  }
  return off(input.key, isLeftOut ? 'SPLIT' : 'DEFAULT', input.isExplained ? explainNoMatch(flag, misses) : UNEXPLAINED.noMatch)
}

/** Constraints first: they cost less than a hash. A stickiness field that is missing keeps the caller out at 100 percent too. */
function tryStrategy(
  input: EvaluationInput,
  flag: EvaluableFlag,
  strategy: FlagStrategy,
): { readonly kind: 'HIT'; readonly key: string } | StrategyMiss {
  for (const constraint of strategy.constraints) {
    if (!isConstraintMet(constraint, input.context, input.now)) return { kind: 'CONSTRAINT', constraint }
  }
  if (toHundredths(strategy.rolloutPercent) === 0) return { kind: 'ROLLOUT_EMPTY' }
  const stickinessValue = readStickiness(strategy.stickiness, input)
  if (stickinessValue === undefined) return { kind: 'STICKINESS_MISSING', field: strategy.stickiness }
  const key = bucketKey(strategy.groupId ?? flag.key, stickinessValue)
  return isInRollout(strategy.rolloutPercent, key) ? { kind: 'HIT', key } : { kind: 'ROLLOUT_OUT', percent: strategy.rolloutPercent }
}

/** Why a flag is on, before its variant is drawn. */
interface Decision {
  readonly reason: EvaluationReason
  readonly bucket: string
  readonly explanation: string
}

function on(input: EvaluationInput, flag: EvaluableFlag, decision: Decision): Evaluation {
  const variant = flag.variants.length === 0 ? null : pickVariant(flag.variants, decision.bucket)
  const isDrawn = variant !== null && countDrawable(flag.variants) > 1
  return {
    key: input.key,
    isEnabled: true,
    reason: isDrawn ? 'SPLIT' : decision.reason,
    variant: variant?.name ?? null,
    value: variant?.value ?? null,
    explanation: decision.explanation,
  }
}

function off(key: string, reason: EvaluationReason, explanation: string): Evaluation {
  return { key, isEnabled: false, reason, variant: null, value: null, explanation }
}
