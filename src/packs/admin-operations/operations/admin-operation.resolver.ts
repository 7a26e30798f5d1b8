import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { ReadsRows } from '../../../core/graphql/bounds/rows.js'
import { TARGET_KEY, targetKeyOf } from '../../../core/graphql/change.types.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { OPERATIONS_REVERT } from '../smoke-guard/guarded-operation.collection.js'
import type { PlannedChangeData } from './admin-operation.command.js'
import { adminOperationService } from './admin-operation.service.js'
import {
  AdminStepInput,
  PlannedChange,
  PlanResult,
  RevertRevisionInput,
  RevertRevisionPayload,
  RunAdminOperationInput,
  RunAdminOperationPayload,
} from './admin-operation.types.js'

/** To see what steps would do. */
export const OPERATIONS_PLAN = 'operations:plan'
/** To apply several steps as one; each step needs its own permission as well. */
export const OPERATIONS_RUN = 'operations:run'

@Resolver(() => PlannedChange)
export class AdminOperationResolver {
  @Query(() => PlanResult, {
    description:
      'What several steps as one would do, object by object. It changes nothing and is safe to repeat; you need no permission of the steps themselves.',
  })
  @Operation({
    permission: OPERATIONS_PLAN,
    takesPlainArgs: true,
    cost: 5,
    sample: 'steps: [{ setFeatureFlag: { key: "example/key", isEnabled: false } }]',
  })
  @ReadsRows()
  plan(
    @Ctx() context: RequestContext,
    @Arg('steps', () => [AdminStepInput], { description: 'The steps, as runAdminOperation takes them.' }) steps: AdminStepInput[],
  ): Promise<PlanResult> {
    return context.core.once(adminOperationService).plan(context, steps)
  }

  @FieldResolver(() => String, TARGET_KEY)
  targetKey(@Ctx() context: RequestContext, @Root() change: PlannedChangeData): string {
    return targetKeyOf(context, change, change.after ?? change.before)
  }

  @Mutation(() => RunAdminOperationPayload, {
    description:
      'Plans (dryRun) or applies several steps as one: one revision, or nothing. You need the permission of every step. Neither is done but in the maintenance mode NORMAL, or with overrideMaintenance.',
  })
  @Operation({
    permission: OPERATIONS_RUN,
    writes: true,
    isOverridable: true,
    takesPlainArgs: true,
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
      'Puts back what a revision changed, or a part of it, as a new revision. Refused where an object has changed since, or where a change cannot be put back (keys, registrations).',
  })
  @Operation({ permission: OPERATIONS_REVERT, writes: true, isOverridable: true, cost: 5, sample: 'input: { revision: 1, dryRun: true }' })
  revertRevision(
    @Ctx() context: RequestContext,
    @Arg('input', () => RevertRevisionInput, { description: 'The revision.' }) input: RevertRevisionInput,
  ): Promise<RevertRevisionPayload> {
    return context.core.once(adminOperationService).revert(context, input)
  }
}
