import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { ANY_SUBJECT } from '../../core/contract/limiter.js'
import { revise, seal } from '../../core/state/collection.js'
import { type Command, done, refused } from '../../core/state/command.js'
import { findVersionFaults } from '../../core/state/expectations.js'
import { findNullFaults, findRangeFaults } from '../../core/values/faults.js'
import { findTextFaults } from '../../core/values/text.js'
import { ruleKey } from './rate-limit-key.js'
import { BY_SUBJECT, MAX_RULES, type RateLimitRuleRecord, rateLimitRuleCollection, subjectOf } from './rate-limit-rule.collection.js'
import type { SetRateLimitRuleInput } from './rate-limit-rule.inputs.js'

/** What a new rule that does not say otherwise allows: 60 units in 60 seconds. */
const DEFAULT_WINDOW_SECONDS = 60
const DEFAULT_MAX_REQUESTS = 60
/** The longest window: 31 days, in seconds. */
const MAX_WINDOW_SECONDS = 2_678_400
const MAX_MAX_REQUESTS = 1_000_000_000

/** Members of the input that are kept when they are left out, and that have no empty value. */
const KEPT = ['windowSeconds', 'maxRequests', 'isEnabled', 'isShadow'] as const

/** What the input says about the rule: what is left out is not in it. */
function patchOf(input: SetRateLimitRuleInput): Partial<RateLimitRuleRecord> {
  const given = KEPT.filter((name) => input[name] !== undefined && input[name] !== null).map((name) => [name, input[name]])
  return {
    ...(Object.fromEntries(given) as Partial<Pick<RateLimitRuleRecord, (typeof KEPT)[number]>>),
    ...(input.description === undefined ? {} : { description: input.description }),
  }
}

function findFaults(input: SetRateLimitRuleInput): UserErrorData[] {
  return [
    ...findNullFaults(input, KEPT),
    ...findRangeFaults(input.windowSeconds, ['windowSeconds'], [1, MAX_WINDOW_SECONDS]),
    ...findRangeFaults(input.maxRequests, ['maxRequests'], [1, MAX_MAX_REQUESTS]),
    ...findTextFaults(input.description, ['description']),
  ]
}

/** Makes the rule of a scope and key, or changes what the input names. A new one is in force, with 60 units in 60 seconds. */
export const setRateLimitRule: Command<SetRateLimitRuleInput, RateLimitRuleRecord> = {
  name: 'setRateLimitRule',
  isRevertible: true,
  run(draft, input, { now, newId }) {
    const { scope } = input
    const keyed = ruleKey(scope, input.key ?? ANY_SUBJECT)
    const rules = draft.view(rateLimitRuleCollection)
    const before = keyed.ok ? rules.find(BY_SUBJECT, subjectOf({ scope, key: keyed.key })) : undefined
    const faults = [...(keyed.ok ? [] : [keyed.fault]), ...findFaults(input)]
    // Without a key that can be read there is no telling which rule was expected.
    if (keyed.ok) faults.push(...findVersionFaults(rateLimitRuleCollection, before, input.expectedVersion))
    if (keyed.ok && !before && rules.size >= MAX_RULES) {
      faults.push(userError('LIMIT_EXCEEDED', [], `There are ${MAX_RULES} rules already; delete one that is not needed any more.`))
    }
    if (!keyed.ok || faults.length > 0) return refused(...faults)
    const patch = patchOf(input)
    const blank = {
      windowSeconds: DEFAULT_WINDOW_SECONDS,
      maxRequests: DEFAULT_MAX_REQUESTS,
      isEnabled: true,
      isShadow: false,
      description: null,
    }
    const after = before
      ? revise(rateLimitRuleCollection, before, { patch, now })
      : seal(rateLimitRuleCollection, {
          id: newId(),
          scope,
          key: keyed.key,
          ...blank,
          ...patch,
          version: 1,
          createdAt: now,
          updatedAt: now,
        })
    draft.put(rateLimitRuleCollection, after)
    return done(after)
  },
}
