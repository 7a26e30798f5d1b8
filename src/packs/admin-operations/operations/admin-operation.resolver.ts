import { Arg, Ctx, Mutation, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { OPERATIONS_REVERT } from '../smoke-guard/guarded-operation.collection.js'
import { adminOperationService } from './admin-operation.service.js'
import { RevertRevisionInput, RevertRevisionPayload, RunAdminOperationInput, RunAdminOperationPayload } from './admin-operation.types.js'

/** To plan and apply several steps as one; each step needs its own permission as well. */
export const OPERATIONS_RUN = 'operations:run'

@Resolver()
export class AdminOperationResolver {
  @Mutation(() => RunAdminOperationPayload, {
    description:
      'Plans (dryRun) or applies several steps as one: one revision, or nothing. You need the permission of every step. Neither is done but in the maintenance mode NORMAL.',
  })
  @Operation({
    permission: OPERATIONS_RUN,
    writes: true,
    cost: 5,
    sample:
      'input: { dryRun: true, steps: [{ setFeatureFlag: { key: "example/key", isEnabled: false } }, { setConfig: { key: "example/limit", value: 10 } }] }',
  })
  runAdminOperation(
    @Ctx() context: RequestContext,
    @Arg('input', () => RunAdminOperationInput, { description: 'The steps, and how to run them.' }) input: RunAdminOperationInput,
  ): Promise<RunAdminOperationPayload> {
    return context.core.once(adminOperationService).run(context, input)
  }

  @Mutation(() => RevertRevisionPayload, {
    description:
      'Puts back everything that a revision changed, as a new revision. Refused where an object has changed since, or where a change cannot be put back (keys, registrations).',
  })
  @Operation({ permission: OPERATIONS_REVERT, writes: true, cost: 5, sample: 'input: { revision: 1, dryRun: true }' })
  revertRevision(
    @Ctx() context: RequestContext,
    @Arg('input', () => RevertRevisionInput, { description: 'The revision.' }) input: RevertRevisionInput,
  ): Promise<RevertRevisionPayload> {
    return context.core.once(adminOperationService).revert(context, input)
  }
}
