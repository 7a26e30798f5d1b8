import { bucketKey, isInRollout, pickVariant, readDefaultStickiness, readStickiness, toHundredths } from './bucketing.js'
import { type CompiledStrategy, compiledFlag } from './compiled-flag.js'
import type { EvaluableFlag, Evaluation, EvaluationReason, FlagConstraint } from './evaluation.js'
import type { EvaluationSubject } from './evaluation-subject.js'
import { EXPLAINED_MISSES, explainMatch, explainNoMatch, type StrategyMiss, UNEXPLAINED } from './explanation.js'

/** Everything that an evaluation depends on. */
export interface EvaluationInput {
  readonly key: string
  /** The flag of that key; undefined when there is none. */
  readonly flag: EvaluableFlag | undefined
  /** The revision that the flag was read from; it is handed on. */
  readonly revision: number
  readonly subject: EvaluationSubject
  /** What holds when there is no such flag, or when its evaluation fails. */
  readonly defaultValue: boolean
  /** Whether the explanation may tell of the flag's strategies: their number, constraints, rollouts and stickiness. */
  readonly isExplained: boolean
  /** A number in 0 (inclusive) to 1 (exclusive), for stickiness that is random. */
  readonly random: () => number
  /** Told of what made an evaluation fail (reason ERROR); what it throws itself is dropped. */
  readonly onError?: (error: unknown, key: string) => void
}

/** A sentence, or what makes it once somebody asks. */
type Sentence = string | (() => string)

/** What an evaluation has found, without its words. */
type Finding = Pick<Evaluation, 'isEnabled' | 'reason' | 'variant' | 'value'>

/** An evaluation whose explanation is written when it is asked for: most callers want the answer alone. */
class Outcome implements Evaluation {
  readonly key: string
  readonly isEnabled: boolean
  readonly reason: EvaluationReason
  readonly variant: Evaluation['variant']
  readonly value: Evaluation['value']
  readonly revision: number
  readonly #explanation: Sentence

  constructor({ key, revision }: EvaluationInput, { isEnabled, reason, variant, value }: Finding, explanation: Sentence) {
    this.key = key
    this.isEnabled = isEnabled
    this.reason = reason
    this.variant = variant
    this.value = value
    this.revision = revision
    this.#explanation = explanation
  }

  get explanation(): string {
    return typeof this.#explanation === 'string' ? this.#explanation : this.#explanation()
  }
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
    return byDefault(input, 'ERROR', 'The evaluation failed, so the default given by the caller holds.')
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
  const { flag } = input
  if (flag === undefined) return byDefault(input, 'DEFAULT', 'There is no flag of this key, so the default given by the caller holds.')
  if (!flag.isEnabled) return off(input, 'DISABLED', 'The flag is switched off for everybody.')
  if (flag.strategies.length > 0) return decideByStrategies(input, flag)
  const bucket = flag.variants.length === 0 ? '' : bucketKey(flag.key, readDefaultStickiness(input))
  return on(input, flag, { reason: 'STATIC', bucket, explanation: 'The flag is on for everybody: it has no strategies.' })
}

function decideByStrategies(input: EvaluationInput, flag: EvaluableFlag): Evaluation {
  const misses: StrategyMiss[] = []
  let isLeftOut = false
  let index = 0
  for (const compiled of compiledFlag(flag).strategies) {
    const outcome = tryStrategy(input, flag, compiled)
    if (typeof outcome === 'string') {
      const { strategy } = compiled
      const [reason, place] = [toHundredths(strategy.rolloutPercent) < 10_000 ? ('SPLIT' as const) : ('TARGETING_MATCH' as const), index]
      return on(input, flag, {
        reason,
        bucket: outcome,
        explanation: input.isExplained ? () => explainMatch(flag, place, strategy) : UNEXPLAINED.match,
      })
    }
    if (outcome.kind === 'ROLLOUT_OUT') isLeftOut = true
    if (misses.length < EXPLAINED_MISSES) misses.push(outcome)
    index += 1
  }
  return off(input, isLeftOut ? 'SPLIT' : 'DEFAULT', input.isExplained ? () => explainNoMatch(flag, misses) : UNEXPLAINED.noMatch)
}

/**
 * The bucket key of whom a strategy takes, or why it does not. Constraints first: they cost less than a hash. A stickiness field that
 * is missing keeps the caller out at 100 percent too.
 */
function tryStrategy(input: EvaluationInput, flag: EvaluableFlag, { strategy, tests }: CompiledStrategy): string | StrategyMiss {
  for (let at = 0; at < tests.length; at += 1)
    if (!tests[at]?.(input.subject)) return { kind: 'CONSTRAINT', constraint: strategy.constraints[at] as FlagConstraint }
  const { rolloutPercent, stickiness, groupId } = strategy
  if (toHundredths(rolloutPercent) === 0) return { kind: 'ROLLOUT_EMPTY' }
  const stickinessValue = readStickiness(stickiness, input)
  if (stickinessValue === undefined) return { kind: 'STICKINESS_MISSING', field: stickiness }
  const key = bucketKey(groupId ?? flag.key, stickinessValue)
  return isInRollout(rolloutPercent, key) ? key : { kind: 'ROLLOUT_OUT', percent: rolloutPercent }
}

/** Why a flag is on, before its variant is drawn. */
interface Decision {
  readonly reason: EvaluationReason
  readonly bucket: string
  readonly explanation: Sentence
}

function on(input: EvaluationInput, flag: EvaluableFlag, { reason, bucket, explanation }: Decision): Evaluation {
  const variant = flag.variants.length === 0 ? null : pickVariant(flag.variants, bucket)
  if (variant === null) return new Outcome(input, { isEnabled: true, reason, variant: null, value: null }, explanation)
  const { name, value } = variant
  const isDrawn = compiledFlag(flag).isDrawn
  return new Outcome(input, { isEnabled: true, reason: isDrawn ? 'SPLIT' : reason, variant: name, value: value ?? null }, explanation)
}

function off(input: EvaluationInput, reason: EvaluationReason, explanation: Sentence): Evaluation {
  return new Outcome(input, { isEnabled: false, reason, variant: null, value: null }, explanation)
}

function byDefault(input: EvaluationInput, reason: EvaluationReason, explanation: string): Evaluation {
  return new Outcome(input, { isEnabled: input.defaultValue, reason, variant: null, value: null }, explanation)
}
