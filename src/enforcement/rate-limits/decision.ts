import type { Decision, RuleDecision } from '../../core/contract/limiter.js'
import type { CounterReading } from './counters/counters.js'
import { remainingUnits, waitMs } from './counters/sliding-window.js'
import type { AppliedRule } from './rule-book.js'

const MS = 1_000

/** What is said to a call that no rule applies to. */
export const UNLIMITED: Decision = Object.freeze({ isAllowed: true, retryAfterSeconds: null, rules: Object.freeze([]) })

/** What the rules say, given what their counters said. */
export function decisionOf(applied: readonly AppliedRule[], readings: readonly CounterReading[], cost: number): Decision {
  const rules = applied.map((rule, index) => ruleDecision(rule, readings[index] as CounterReading, cost))
  const denying = rules.filter(({ isAllowed }) => !isAllowed)
  return { isAllowed: denying.length === 0, retryAfterSeconds: longestWait(denying), rules }
}

function ruleDecision({ rule }: AppliedRule, reading: CounterReading, cost: number): RuleDecision {
  const { id, scope, name, max, windowMs, isShadow } = rule
  const waitingMs = reading.isFitting ? null : waitMs(reading, rule, cost)
  const leftMs = Math.ceil(windowMs - reading.elapsedMs)
  return {
    ruleId: id,
    scope,
    name,
    limit: max,
    windowSeconds: windowMs / MS,
    remaining: remainingUnits(reading, rule),
    resetSeconds: Math.max(leftMs, waitingMs ?? 0) / MS,
    retryAfterSeconds: waitingMs === null ? null : waitingMs / MS,
    isShadow,
    isExceeded: !reading.isFitting,
    isAllowed: isShadow || reading.isFitting,
  }
}

/** Null as well when waiting does not help. */
function longestWait(denying: readonly RuleDecision[]): number | null {
  let longest: number | null = null
  for (const { retryAfterSeconds } of denying) {
    if (retryAfterSeconds === null) return null
    longest = Math.max(longest ?? 0, retryAfterSeconds)
  }
  return longest
}
