import { Ctx, Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { BUILT_IN_CHECKS } from '../probes/built-in-checks.js'
import { SMOKE_READ, smokeCheckCollection } from './smoke-check.collection.js'
import { builtInCheckView, customCheckView, SmokeCheck } from './smoke-check.types.js'

@Resolver(() => SmokeCheck)
export class SmokeCheckResolver {
  @Query(() => [SmokeCheck], { description: 'The checks of the smoke test: the built-in ones, then those that were added, by name.' })
  @Operation({ permission: SMOKE_READ })
  smokeChecks(@Ctx() { snapshot }: RequestContext): readonly SmokeCheck[] {
    return [...BUILT_IN_CHECKS.map(builtInCheckView), ...[...snapshot.view(smokeCheckCollection).values()].map(customCheckView)]
  }
}
