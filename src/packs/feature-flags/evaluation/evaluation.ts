import type { Json, JsonObject } from '../../../core/values/json.js'

/** How a constraint compares; the names and meanings of Unleash's client specification (v6). */
export const CONSTRAINT_OPERATORS = [
  'IN',
  'NOT_IN',
  'STR_STARTS_WITH',
  'STR_ENDS_WITH',
  'STR_CONTAINS',
  'NUM_EQ',
  'NUM_GT',
  'NUM_GTE',
  'NUM_LT',
  'NUM_LTE',
  'DATE_AFTER',
  'DATE_BEFORE',
  'SEMVER_EQ',
  'SEMVER_GT',
  'SEMVER_LT',
] as const
export type ConstraintOperator = (typeof CONSTRAINT_OPERATORS)[number]

/**
 * Why an evaluation has its outcome, in OpenFeature's words (specification, "Resolution Details"):
 * - STATIC: on for everybody, nothing about the caller was looked at
 * - TARGETING_MATCH: a strategy matched
 * - SPLIT: pseudorandom assignment decided: a rollout between 0 and 100 percent, or the draw among several variants
 * - DISABLED: the flag is switched off
 * - DEFAULT: evaluation yielded no result: no such flag (the caller's default holds), or no strategy matched (off)
 * - ERROR: evaluation failed, the caller's default holds
 */
export const EVALUATION_REASONS = ['STATIC', 'TARGETING_MATCH', 'SPLIT', 'DISABLED', 'DEFAULT', 'ERROR'] as const
export type EvaluationReason = (typeof EVALUATION_REASONS)[number]

/** One condition on one field of the context. */
export interface FlagConstraint {
  readonly contextField: string
  readonly operator: ConstraintOperator
  /** The lists' operators (IN, NOT_IN, STR_*) take any number of values, the others exactly one. */
  readonly values: readonly string[]
  /** Turns the answer around. An operator that is not known never matches, inverted or not. */
  readonly isInverted: boolean
  /** Heeded by STR_* only. */
  readonly isCaseInsensitive: boolean
}

/** Lets a caller in when all constraints hold and the rollout takes the caller. */
export interface FlagStrategy {
  readonly constraints: readonly FlagConstraint[]
  /** 0..100, in steps of 0.01. */
  readonly rolloutPercent: number
  /** `default`, `random`, or the context field that decides who stays together. */
  readonly stickiness: string
  /** Flags of one group draw the same callers; null is the flag's key. */
  readonly groupId: string | null
}

/** One of several shapes of a flag that is on; its share is its weight among the sum of weights. */
export interface FlagVariant {
  readonly name: string
  readonly weight: number
  readonly value: Json | null
}

/** What evaluation needs of a flag; strategies are OR'd. */
export interface EvaluableFlag {
  readonly key: string
  readonly isEnabled: boolean
  readonly strategies: readonly FlagStrategy[]
  readonly variants: readonly FlagVariant[]
}

/** Who asks and from where; null and undefined mean absent. */
export interface EvaluationContext {
  readonly targetingKey?: string | null
  readonly userId?: string | null
  readonly sessionId?: string | null
  readonly remoteAddress?: string | null
  readonly environment?: string | null
  readonly appName?: string | null
  /** Absent: the time of the evaluation. */
  readonly currentTime?: Date | null
  readonly properties?: JsonObject | null
}

/** The outcome of one evaluation. */
export interface Evaluation {
  readonly key: string
  readonly isEnabled: boolean
  readonly reason: EvaluationReason
  /** The name of the drawn variant; null when the flag is off or has none. */
  readonly variant: string | null
  /** The drawn variant's value. */
  readonly value: Json | null
  /** The revision that it was decided on. */
  readonly revision: number
  /** One sentence: which strategy matched, or why none did. */
  readonly explanation: string
}
