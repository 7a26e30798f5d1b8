import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { ANY_SUBJECT } from '../../core/contract/limiter.js'
import { edited } from '../../core/state/collection.js'
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
    const { key } = keyed
    const limit = { windowSeconds: DEFAULT_WINDOW_SECONDS, maxRequests: DEFAULT_MAX_REQUESTS }
    const blank = { id: newId(), scope, key, ...limit, isEnabled: true, isShadow: false, description: null }
    const after = edited(rateLimitRuleCollection, { before, blank, given: { ...input, key }, now })
    draft.put(rateLimitRuleCollection, after)
    return done(after)
  },
}
