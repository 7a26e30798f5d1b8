import type { Pack } from '../../core/contract/pack.js'
import { RateLimitCounterResolver } from './rate-limit-counter.resolver.js'
import { rateLimitRules } from './rate-limit-rule.collection.js'
import { deleteRateLimitRule, setRateLimitRule } from './rate-limit-rule.commands.js'
import { DeleteRateLimitRuleInput, SetRateLimitRuleInput } from './rate-limit-rule.inputs.js'
import { RateLimitRuleResolver } from './rate-limit-rule.resolver.js'
import { RateLimitSnapshots } from './rate-limit-snapshots.js'

export { type RateLimitRuleRecord, rateLimitRules } from './rate-limit-rule.collection.js'

/** UC: how much of what may be asked for in a time, by whom. */
export const rateLimits: Pack = {
  id: 'UC',
  collections: [rateLimitRules],
  permissions: { 'limits:read': 'OBSERVER', 'limits:write': 'OPERATOR', 'limits:consume': 'OPERATOR' },
  steps: [
    {
      name: setRateLimitRule.name,
      input: SetRateLimitRuleInput,
      description: 'Makes a rate limit or changes it.',
      command: () => setRateLimitRule,
    },
    {
      name: deleteRateLimitRule.name,
      input: DeleteRateLimitRuleInput,
      description: 'Deletes a rate limit.',
      command: () => deleteRateLimitRule,
    },
  ],
  resolvers(core) {
    const snapshots = new RateLimitSnapshots(core.database)
    return [new RateLimitRuleResolver(core, snapshots), new RateLimitCounterResolver(core, snapshots)]
  },
}
