import { userError } from '../../core/contract/errors.js'
import { ANY_SUBJECT, type RateLimitScope } from '../../core/contract/limiter.js'
import {
  boolean,
  type Collection,
  defineCollection,
  editFields,
  integer,
  nullable,
  type RecordOf,
  text,
} from '../../core/state/collection.js'

/** To see rules and counters. */
export const LIMITS_READ = 'limits:read'
/** To make, change and delete rules. */
export const LIMITS_WRITE = 'limits:write'
/** To have calls of other services counted. */
export const LIMITS_CONSUME = 'limits:consume'

const fields = {
  id: text(),
  scope: text<RateLimitScope>(),
  /** One subject, or "*" for each subject of the scope. */
  key: text(),
  windowSeconds: integer(),
  maxRequests: integer(),
  isEnabled: boolean(),
  /** Counts and reports, and never denies. */
  isShadow: boolean(),
  description: nullable(text()),
  ...editFields,
}

/** One rate limit: at most `maxRequests` units of cost in `windowSeconds`, for each subject that it is about. */
export type RateLimitRuleRecord = RecordOf<typeof fields>

/** Most rules there are. */
export const MAX_RULES = 10_000

/** Name of the index over scope and key. */
export const BY_SUBJECT = 'subject'

/** The value of a rule in the index {@link BY_SUBJECT}: scopes hold no space. */
export function subjectOf({ scope, key }: Pick<RateLimitRuleRecord, 'scope' | 'key'>): string {
  return `${scope} ${key}`
}

/** The rules by id, and by scope and key, of which there is one each. */
export const rateLimitRuleCollection: Collection<RateLimitRuleRecord> = defineCollection<RateLimitRuleRecord>({
  name: 'RateLimitRule',
  table: 'rate_limit_rules',
  key: 'id',
  id: 'id',
  version: 'version',
  titleOf: ({ scope, key }) => `${scope} ${key}`,
  writePermission: LIMITS_WRITE,
  findRestoredFaults(state, rule) {
    const rules = state.view(rateLimitRuleCollection)
    if (rules.size > MAX_RULES) {
      return [userError('LIMIT_EXCEEDED', [], `There would be more than ${MAX_RULES} rules. Delete one that was made meanwhile first.`)]
    }
    for (const other of rules.values()) {
      if (other.id === rule.id || subjectOf(other) !== subjectOf(rule)) continue
      return [userError('TAKEN', ['key'], `Another rule for ${subjectOf(rule)} was made meanwhile (${other.id}). Delete that one first.`)]
    }
    return []
  },
  exported: {
    section: 'rateLimits',
    fields: ['windowSeconds', 'maxRequests', 'isEnabled', 'isShadow', 'description'],
    referenceOf: ({ scope, key }) =>
      scope === 'API_KEY' && key !== ANY_SUBJECT ? { targetType: 'ApiClient', key: String(key), word: 'client:' } : undefined,
  },
  searched: { kind: 'RATE_LIMIT', titleOf: subjectOf, subtitleOf: ({ description }) => description },
  fields,
  indexes: { [BY_SUBJECT]: (rule) => [subjectOf(rule)] },
})
