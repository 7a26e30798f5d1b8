import { Ctx, FieldResolver, Resolver } from 'type-graphql'
import type { RateLimiter } from '../../core/contract/limiter.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { RateLimitDecision, toRateLimitDecision } from '../../core/graphql/rate-limit-decision.js'
import { Viewer } from './api-client.types.js'

/** What the rate limits leave to whoever calls. */
@Resolver(() => Viewer)
export class ViewerRateLimitsResolver {
  readonly #core: { readonly limiter: Pick<RateLimiter, 'peek'> }

  constructor(core: { readonly limiter: Pick<RateLimiter, 'peek'> }) {
    this.#core = core
  }

  @FieldResolver(() => [RateLimitDecision], {
    description:
      'Every rate limit that applies to your calls, this one counted, and what it would say to another one of cost 1. Takes nothing itself.',
  })
  async rateLimits(@Ctx() { snapshot, subjects }: RequestContext): Promise<RateLimitDecision[]> {
    const { rules } = await this.#core.limiter.peek({ snapshot, subjects, cost: 1 })
    return rules.map(toRateLimitDecision)
  }
}
