import { Arg, Ctx, Field, Float, Int, ObjectType, Query, Resolver } from 'type-graphql'
import { type RequestRate as Rate, requestRates } from '../../../core/background/request-rates.js'
import { AppError } from '../../../core/contract/errors.js'
import { Operation } from '../../../core/contract/operation.js'
import { Holds } from '../../../core/graphql/bounds/list-length.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { DateTimeISO } from '../../../core/graphql/scalars.js'
import { DEPLOYMENT_READ } from './deployment-profile.resolver.js'

const MINUTE_SECONDS = 60
const DAY_SECONDS = 86_400

/** The requests of one step of time. */
@ObjectType('RequestRate', {
  simpleResolvers: true,
  description: 'GraphQL operations of the replica that answers, in one step of time, and what came of them.',
})
class RequestRate implements Rate {
  @Field(() => DateTimeISO, { description: 'When the step begins.' })
  at!: Date
  @Field(() => Int, { description: 'All operations.' })
  requests!: number
  @Field(() => Int, { description: 'Those with user errors, or with an error that their callers can mend.' })
  userErrors!: number
  @Field(() => Int, { description: 'Those that were refused: no valid key, no permission, or maintenance.' })
  denied!: number
  @Field(() => Int, { description: 'Those that a rate limit refused.' })
  rateLimited!: number
  @Field(() => Int, { description: 'Those that failed for a reason that was not their callers.' })
  failed!: number
  @Field(() => Float, {
    nullable: true,
    description: 'The time within which half of them ended, in milliseconds, to 10 %; null without any.',
  })
  p50Ms!: number | null
  @Field(() => Float, { nullable: true, description: 'The time within which 99 of 100 ended, in milliseconds, to 10 %; null without any.' })
  p99Ms!: number | null
}

@Resolver()
export class RequestRatesResolver {
  @Query(() => [RequestRate], {
    description:
      'How many operations the replica that answers has had, and how long they took, up to now: the oldest step first, for the last 24 hours at most, and not from before it started.',
  })
  @Operation({ permission: DEPLOYMENT_READ })
  @Holds(({ stepSeconds }) => Math.ceil(DAY_SECONDS / Math.max(MINUTE_SECONDS, Number(stepSeconds ?? MINUTE_SECONDS))))
  requestRates(
    @Ctx() { core }: RequestContext,
    @Arg('since', () => DateTimeISO, { nullable: true, description: 'Begin with the step of this moment; left out: 24 hours ago.' })
    since?: Date | null,
    @Arg('stepSeconds', () => Int, {
      nullable: true,
      defaultValue: MINUTE_SECONDS,
      description: 'How long a step is: whole minutes, 60 to 86400. Steps begin at multiples of it since 1970 (UTC).',
    })
    stepSeconds?: number | null,
  ): RequestRate[] {
    const step = stepSeconds ?? MINUTE_SECONDS
    if (step < MINUTE_SECONDS || step > DAY_SECONDS || step % MINUTE_SECONDS !== 0)
      throw new AppError(
        'BAD_USER_INPUT',
        `The argument \`stepSeconds\` must be whole minutes, ${MINUTE_SECONDS} to ${DAY_SECONDS}, is ${step}.`,
      )
    return core.once(requestRates).since(since ?? null, step)
  }
}
