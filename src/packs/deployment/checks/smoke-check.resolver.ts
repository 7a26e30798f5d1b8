import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { type PayloadBase, toPayload } from '../../../core/graphql/payload.js'
import { submit } from '../../../core/graphql/submit.js'
import { BUILT_IN_CHECKS } from '../probes/built-in-checks.js'
import { smokeChecks } from './smoke-check.collection.js'
import { deleteSmokeCheck, setSmokeCheck } from './smoke-check.commands.js'
import { DeleteSmokeCheckInput, SetSmokeCheckInput } from './smoke-check.inputs.js'
import { builtInCheckView, customCheckView, DeleteSmokeCheckPayload, SetSmokeCheckPayload, SmokeCheck } from './smoke-check.types.js'

@Resolver(() => SmokeCheck)
export class SmokeCheckResolver {
  readonly #core: CoreServices

  constructor(core: CoreServices) {
    this.#core = core
  }

  @Query(() => [SmokeCheck], { description: 'The checks of the smoke test: the built-in ones, then those that were added, by name.' })
  @Operation({ permission: 'smoke:read' })
  smokeChecks(@Ctx() { snapshot }: RequestContext): readonly SmokeCheck[] {
    return [...BUILT_IN_CHECKS.map(builtInCheckView), ...[...snapshot.view(smokeChecks).values()].map(customCheckView)]
  }

  @Mutation(() => SetSmokeCheckPayload, {
    description: 'Adds a check of your own, or changes one; at most 100. Setting what is already there changes nothing.',
  })
  @Operation({
    permission: 'smoke:write',
    writes: true,
    sample: 'input: { name: "example", kind: HTTP, path: "/livez", isBlocking: false }',
  })
  async setSmokeCheck(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetSmokeCheckInput, { description: 'The name, the kind, and what is to be changed.' }) input: SetSmokeCheckInput,
  ): Promise<PayloadBase> {
    return toPayload('smokeCheck', await submit(this.#core.ledger, context, { command: setSmokeCheck, input }), customCheckView)
  }

  @Mutation(() => DeleteSmokeCheckPayload, {
    description: 'Takes a check of your own out of the smoke test. Its history stays in the change log.',
  })
  @Operation({ permission: 'smoke:write', writes: true })
  async deleteSmokeCheck(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteSmokeCheckInput, { description: 'The name.' }) input: DeleteSmokeCheckInput,
  ): Promise<PayloadBase> {
    return toPayload('deletedName', await submit(this.#core.ledger, context, { command: deleteSmokeCheck, input }))
  }
}
