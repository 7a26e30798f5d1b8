import { Field, ID, Int, ObjectType } from 'type-graphql'
import type { UserErrorData } from '../../core/contract/errors.js'
import type { RateLimitScope } from '../../core/contract/limiter.js'
import { editedType } from '../../core/graphql/bases.js'
import { connectionOf } from '../../core/graphql/connection.js'
import { DateTimeISO, enumType } from '../../core/graphql/scalars.js'
import { UserError } from '../../core/graphql/user-error.js'
import { RateLimitDecision } from './rate-limit-decision.js'

/** The GraphQL enum of scopes. */
export const RateLimitScopes = enumType<RateLimitScope>('RateLimitScope', 'What a rate limit counts.', {
  IP: 'Calls from one address; IPv6 addresses by their /64. X-Forwarded-For counts only behind trusted proxies.',
  USER: 'Calls for one end user, whom the client names in the header X-Valhalla-User; counted for each client.',
  API_KEY: 'Calls of one API client, whatever key it uses.',
  GLOBAL: 'All calls together.',
})

/** A rule as it is shown. */
@ObjectType('RateLimitRule', {
  simpleResolvers: true,
  description:
    'A limit of what a subject may take in a sliding window: what was taken in this window, plus what was taken in the one before as far as it still reaches in, plus the cost of the call, must not be more than maxRequests.',
})
export class RateLimitRule extends editedType() {
  @Field(() => ID, { description: 'Identifies this rule, also in the change log.' })
  id!: string
  @Field(() => RateLimitScopes, { description: 'What is counted.' })
  scope!: RateLimitScope
  @Field(() => String, { description: 'Whom it is about: "*" for each subject of the scope, each counted alone, or one subject.' })
  key!: string
  @Field(() => Int, { description: 'Length of the window in seconds.' })
  windowSeconds!: number
  @Field(() => Int, { description: 'Units of cost that fit into a window.' })
  maxRequests!: number
  @Field(() => Boolean, { description: 'Whether it is on.' })
  isEnabled!: boolean
  @Field(() => Boolean, { description: 'Whether it counts and reports only.' })
  isShadow!: boolean
  @Field(() => String, { nullable: true, description: 'What it is for.' })
  description!: string | null
}

/** A page of rules. */
export const RateLimitRuleConnection = connectionOf(RateLimitRule, 'RateLimitRule')

/** A counter as it was last reported. */
@ObjectType('RateLimitSnapshot', {
  simpleResolvers: true,
  description: 'What a rule has counted for one subject, as of a few seconds ago. Kept for the busiest subjects, and not for long.',
})
export class RateLimitSnapshot {
  @Field(() => ID, { description: 'Identifies the counter: its rule and its subject.' })
  id!: string
  @Field(() => RateLimitScopes, { description: 'What is counted.' })
  scope!: RateLimitScope
  @Field(() => String, { description: 'The subject that was counted.' })
  key!: string
  @Field(() => Int, { description: 'Length of the window in seconds.' })
  windowSeconds!: number
  @Field(() => Int, { description: 'Units of cost that fit into a window.' })
  maxRequests!: number
  @Field(() => Int, { description: 'Units taken in the window that began at windowStartedAt; 0 once that window is over.' })
  currentCount!: number
  @Field(() => Int, {
    description: 'Calls that the rule denied (a shadow rule: would have denied) since the subject was first seen lately.',
  })
  deniedCount!: number
  @Field(() => DateTimeISO, { description: 'When the window of currentCount began: with the first call in it that was let through.' })
  windowStartedAt!: Date
  @Field(() => DateTimeISO, { description: 'When this was reported.' })
  updatedAt!: Date
}

/** A page of counters. */
export const RateLimitSnapshotConnection = connectionOf(RateLimitSnapshot, 'RateLimitSnapshot')

/** What consumeRateLimit came to. */
@ObjectType('ConsumeRateLimitPayload', { simpleResolvers: true, description: 'What consumeRateLimit came to.' })
export class ConsumeRateLimitPayload {
  @Field(() => RateLimitDecision, { nullable: true, description: 'Whether the call may go on; null when there are user errors.' })
  decision!: RateLimitDecision | null
  @Field(() => [UserError], {
    description: 'What is wrong with the input; empty when it was accepted. With user errors nothing was counted.',
  })
  userErrors!: readonly UserErrorData[]
}
