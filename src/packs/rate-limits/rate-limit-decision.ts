import { Field, Float, ID, Int, ObjectType } from 'type-graphql'

/** What one rule says to one call. */
@ObjectType('RateLimitDecision', { simpleResolvers: true, description: 'What a rate limit says to a call.' })
export class RateLimitDecision {
  @Field(() => Boolean, { description: 'Whether the call may go on. A shadow rule always lets it.' })
  isAllowed!: boolean
  @Field(() => Int, { nullable: true, description: 'Units of cost that fit into a window; null when no rule applies.' })
  limit!: number | null
  @Field(() => Int, { nullable: true, description: 'Units that are left now; null when no rule applies.' })
  remaining!: number | null
  @Field(() => Float, {
    nullable: true,
    description: 'Seconds until the current window ends, or until trying again makes sense where that is later; null when no rule applies.',
  })
  resetSeconds!: number | null
  @Field(() => Float, {
    nullable: true,
    description:
      'Seconds until such a call fits again if nobody else calls; null when it fits, and when it never will, being larger than the limit.',
  })
  retryAfterSeconds!: number | null
  @Field(() => ID, { nullable: true, description: 'The rule that says so; null when no rule applies.' })
  ruleId!: string | null
  @Field(() => Boolean, { description: 'Whether the rule only counts and reports; retryAfterSeconds then tells what it would deny.' })
  isShadow!: boolean
}

/** What is said when no rule applies. */
export const NO_LIMIT: Readonly<RateLimitDecision> = Object.freeze({
  isAllowed: true,
  limit: null,
  remaining: null,
  resetSeconds: null,
  retryAfterSeconds: null,
  ruleId: null,
  isShadow: false,
})
