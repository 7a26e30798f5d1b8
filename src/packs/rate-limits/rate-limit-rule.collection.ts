import { userError } from '../../core/contract/errors.js'
import type { RateLimitScope } from '../../core/contract/limiter.js'
import { type Collection, defineCollection } from '../../core/state/collection.js'

/** One rate limit: at most `maxRequests` units of cost in `windowSeconds`, for each subject that it is about. */
export interface RateLimitRuleRecord {
  readonly id: string
  readonly scope: RateLimitScope
  /** One subject, or "*" for each subject of the scope. */
  readonly key: string
  readonly windowSeconds: number
  readonly maxRequests: number
  readonly isEnabled: boolean
  /** Counts and reports, and never denies. */
  readonly isShadow: boolean
  readonly description: string | null
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Most rules there are. */
export const MAX_RULES = 10_000

/** Name of the index over scope and key. */
export const BY_SUBJECT = 'subject'

/** The value of a rule in the index {@link BY_SUBJECT}: scopes hold no space. */
export function subjectOf({ scope, key }: Pick<RateLimitRuleRecord, 'scope' | 'key'>): string {
  return `${scope} ${key}`
}

/** The rules by id, and by scope and key, of which there is one each. */
export const rateLimitRules: Collection<RateLimitRuleRecord> = defineCollection<RateLimitRuleRecord>({
  name: 'RateLimitRule',
  pack: 'UC',
  table: 'rate_limit_rules',
  key: 'id',
  id: 'id',
  version: 'version',
  writePermission: () => 'limits:write',
  findRestoredFaults(state, rule) {
    const rules = state.view(rateLimitRules)
    if (rules.size > MAX_RULES) {
      return [userError('LIMIT_EXCEEDED', [], `There would be more than ${MAX_RULES} rules. Delete one that was made meanwhile first.`)]
    }
    for (const other of rules.values()) {
      if (other.id === rule.id || subjectOf(other) !== subjectOf(rule)) continue
      return [userError('TAKEN', ['key'], `Another rule for ${subjectOf(rule)} was made meanwhile (${other.id}). Delete that one first.`)]
    }
    return []
  },
  fields: {
    id: 'text',
    scope: 'text',
    key: 'text',
    windowSeconds: 'integer',
    maxRequests: 'integer',
    isEnabled: 'boolean',
    isShadow: 'boolean',
    description: 'text',
    version: 'integer',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
  },
  indexes: { [BY_SUBJECT]: (rule) => [subjectOf(rule)] },
})
