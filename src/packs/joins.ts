import { Ctx, Field, FieldResolver, Resolver } from 'type-graphql'
import type { CoreServices } from '../core/contract/core-services.js'
import type { Bindings } from '../core/contract/once.js'
import type { RequestContext } from '../core/graphql/context.js'
import { prover, Revision, RunAdminOperationPayload, type SecuritySources, securitySources } from './admin-operations/index.js'
import { clientFacts, Viewer } from './api-clients/index.js'
import { SmokeTestRun, smokeRunner } from './deployment/index.js'
import { maintenanceAt } from './maintenance/index.js'
import { hasRateLimit, RateLimitDecision } from './rate-limits/index.js'

/** What one pack brings to another: packs know nothing of each other. */
export const bindings: Bindings<CoreServices> = new Map<(core: CoreServices) => unknown, (core: CoreServices) => unknown>([
  [prover, smokeRunner],
  [
    securitySources,
    (): SecuritySources => ({
      clients: clientFacts,
      maintenanceMode: (snapshot, now) => maintenanceAt(snapshot, now).mode,
      hasRateLimit,
    }),
  ],
])

Field(() => SmokeTestRun, {
  nullable: true,
  description: 'The smoke test that guarded it; null without guardWithSmokeTest, and when it could not be run.',
})(RunAdminOperationPayload.prototype, 'smokeTestRun')

Field(() => SmokeTestRun, {
  nullable: true,
  description: 'The smoke test that guarded it, once it has ended; null where none did, and where it could not be run.',
})(Revision.prototype, 'smokeTestRun')

/** What the rate limits leave to whoever calls. */
@Resolver(() => Viewer)
export class ViewerRateLimitsResolver {
  @FieldResolver(() => [RateLimitDecision], {
    description:
      'Every rate limit that applies to your calls, this one counted, and what it would say to another one of cost 1. Takes nothing itself.',
  })
  async rateLimits(@Ctx() { core, snapshot, subjects }: RequestContext): Promise<readonly RateLimitDecision[]> {
    return (await core.limiter.peek({ snapshot, subjects, cost: 1 })).rules
  }
}
