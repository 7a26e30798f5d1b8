import { Field, InputType, Int } from 'type-graphql'
import type { RateLimitScope } from '../../core/contract/limiter.js'
import { editInput } from '../../core/graphql/bases.js'
import { RateLimitScopes } from './rate-limit-rule.types.js'

/** Input of setRateLimitRule. */
@InputType('SetRateLimitRuleInput', {
  description:
    'Makes the rule of a scope and key, or changes it. What is left out stays as it is (new rules: 60 units in 60 seconds, in force).',
})
export class SetRateLimitRuleInput extends editInput('rule', { mayBeNew: true }) {
  @Field(() => RateLimitScopes, { description: 'What is counted.' })
  scope!: RateLimitScope
  @Field(() => String, {
    nullable: true,
    defaultValue: '*',
    description:
      'Whom it is about: "*" for each subject of the scope, each counted alone; or one subject, whose rule replaces the one on "*". IP: an address, IPv6 by its /64 such as "2001:db8:0:1::/64". API_KEY: a client\'s id. USER: "<client id>:<user>", as users are counted for each client. GLOBAL: "*" only.',
  })
  key?: string | null
  @Field(() => Int, {
    nullable: true,
    description: 'Length of the sliding window in seconds, 1 to 2678400 (31 days). Another length begins to count anew.',
  })
  windowSeconds?: number | null
  @Field(() => Int, { nullable: true, description: 'Units of cost that fit into a window, 1 to 1000000000; most operations cost 1.' })
  maxRequests?: number | null
  @Field(() => Boolean, { nullable: true, description: 'A rule that is off is as good as none.' })
  isEnabled?: boolean | null
  @Field(() => Boolean, { nullable: true, description: 'Counts and reports what it would deny, and denies nothing: to try a rule out.' })
  isShadow?: boolean | null
  @Field(() => String, { nullable: true, description: 'What it is for; null clears it.' })
  description?: string | null
}

/** Input of consumeRateLimit. */
@InputType('ConsumeRateLimitInput', { description: 'One call that another service wants to be counted.' })
export class ConsumeRateLimitInput {
  @Field(() => RateLimitScopes, { description: 'What is counted.' })
  scope!: RateLimitScope
  @Field(() => String, {
    description:
      'The subject. IP: an address. API_KEY: a client\'s id. USER: "<client id>:<user>", or the user alone for one of your own, as in X-Valhalla-User. GLOBAL: "*".',
  })
  key!: string
  @Field(() => Int, { nullable: true, defaultValue: 1, description: 'Units that the call takes, 1 to 1000000000.' })
  cost?: number | null
}

/** Filter of rateLimitRules. */
@InputType('RateLimitRuleFilter', { description: 'Which rules are meant; what is left out does not matter.' })
export class RateLimitRuleFilter {
  @Field(() => RateLimitScopes, { nullable: true, description: 'Of this scope.' })
  scope?: RateLimitScope | null
  @Field(() => String, { nullable: true, description: 'On just this key, such as "*"; addresses in any way of writing them.' })
  key?: string | null
  @Field(() => Boolean, { nullable: true, description: 'Which are on (true) or off (false).' })
  isEnabled?: boolean | null
}

/** Filter of rateLimitSnapshots. */
@InputType('RateLimitSnapshotFilter', { description: 'Which counters are meant; what is left out does not matter.' })
export class RateLimitSnapshotFilter {
  @Field(() => RateLimitScopes, { nullable: true, description: 'Of this scope.' })
  scope?: RateLimitScope | null
  @Field(() => String, { nullable: true, description: 'Of just this subject; addresses in any way of writing them.' })
  key?: string | null
}
