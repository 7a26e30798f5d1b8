import { deletion, write } from '../../core/graphql/write.js'
import { LIMITS_WRITE, rateLimitRuleCollection } from './rate-limit-rule.collection.js'
import { setRateLimitRule } from './rate-limit-rule.commands.js'
import { SetRateLimitRuleInput } from './rate-limit-rule.inputs.js'
import { RateLimitRule } from './rate-limit-rule.types.js'

/** Said of both writes: what no limit counts. */
const IS_FREE = 'Costs nothing, so that no rule can keep anybody from mending the rules.'

/** Everything that can change rules. */
export const rateLimitRuleWrites = [
  write({
    command: setRateLimitRule,
    input: SetRateLimitRuleInput,
    permission: LIMITS_WRITE,
    cost: 0,
    sample: 'input: { scope: GLOBAL, maxRequests: 100000, windowSeconds: 60, isShadow: true }',
    description: `Makes the rule of a scope and key, or changes it; it is in force on every replica within a second. Setting what is already there changes nothing. ${IS_FREE}`,
    takes: 'The scope, the key, and what is to be changed.',
    step: 'Makes a rate limit or changes it.',
    returns: { field: 'rateLimitRule', type: () => RateLimitRule, description: 'The rule as it is now; null when there are user errors.' },
  }),
  deletion({
    name: 'deleteRateLimitRule',
    collection: rateLimitRuleCollection,
    noun: 'rule',
    permission: LIMITS_WRITE,
    cost: 0,
    description: `Deletes a rule. Its history stays in the change log. ${IS_FREE}`,
    about: 'Deletes a rule.',
    takes: "The rule's `id`.",
    step: 'Deletes a rate limit.',
  }),
]
