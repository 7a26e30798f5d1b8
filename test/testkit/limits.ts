import { newId } from '../../src/core/platform/ids.js'
import { Draft } from '../../src/core/state/draft.js'
import { Snapshot } from '../../src/core/state/snapshot.js'
import { type RateLimitRuleRecord, rateLimitRuleCollection } from '../../src/packs/rate-limits/index.js'

const AT = new Date('2026-01-01T00:00:00.000Z')

/** A rule of 10 units in 60 seconds for everybody together, with these changes. */
export function ruleWith(changes: Partial<RateLimitRuleRecord> = {}): RateLimitRuleRecord {
  const blank = {
    scope: 'GLOBAL' as const,
    key: '*',
    windowSeconds: 60,
    maxRequests: 10,
    isEnabled: true,
    isShadow: false,
    description: null,
  }
  return { id: newId(), ...blank, version: 1, createdAt: AT, updatedAt: AT, ...changes }
}

/** A state of these rules and nothing else. */
export function stateOf(...rules: readonly RateLimitRuleRecord[]): Snapshot {
  const draft = new Draft(Snapshot.empty([rateLimitRuleCollection], { revision: 0, digest: '' }))
  for (const rule of rules) draft.put(rateLimitRuleCollection, rule)
  return draft.toSnapshot({ revision: 1, digest: '' })
}
