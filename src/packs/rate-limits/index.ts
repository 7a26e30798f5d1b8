import { definePack } from '../../core/contract/pack.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { RateLimitCounterResolver } from './rate-limit-counter.resolver.js'
import { LIMITS_CONSUME, LIMITS_READ, LIMITS_WRITE, rateLimitRuleCollection } from './rate-limit-rule.collection.js'
import { RateLimitRuleResolver } from './rate-limit-rule.resolver.js'
import { rateLimitRuleWrites } from './rate-limit-rule.writes.js'

export { RateLimitDecision } from './rate-limit-decision.js'
export { type RateLimitRuleRecord, rateLimitRuleCollection } from './rate-limit-rule.collection.js'

/** Whether any rule limits calls: one that only watches does not. */
export function hasRateLimit(snapshot: Snapshot): boolean {
  for (const { isEnabled, isShadow } of snapshot.view(rateLimitRuleCollection).values()) if (isEnabled && !isShadow) return true
  return false
}

/** UC: how much of what may be asked for in a time, by whom. */
export const rateLimits = definePack({
  id: 'UC',
  collections: [rateLimitRuleCollection],
  permissions: { [LIMITS_READ]: 'OBSERVER', [LIMITS_WRITE]: 'OPERATOR', [LIMITS_CONSUME]: 'OPERATOR' },
  writes: rateLimitRuleWrites,
  resolvers: [RateLimitRuleResolver, RateLimitCounterResolver],
})
