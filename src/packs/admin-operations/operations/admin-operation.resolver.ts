import { Arg, type ClassType, Ctx, Mutation, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import type { AdminOperationService } from './admin-operation.service.js'
import {
  RevertRevisionInput,
  RevertRevisionPayload,
  type RunAdminOperationArguments,
  RunAdminOperationPayload,
} from './admin-operation.types.js'

/** Makes the resolver class for an input that is known only when the packs are. */
export function adminOperationResolver(input: ClassType<RunAdminOperationArguments>): new (service: AdminOperationService) => object {
  @Resolver()
  class AdminOperationResolver {
    readonly #service: AdminOperationService

    constructor(service: AdminOperationService) {
      this.#service = service
    }

    @Mutation(() => RunAdminOperationPayload, {
      description:
        'Plans (dryRun) or applies several steps as one: one revision, or nothing. You need the permission of every step. Neither is done but in the maintenance mode NORMAL.',
    })
    @Operation({
      permission: 'operations:run',
      writes: true,
      cost: 5,
      sample:
        'input: { dryRun: true, steps: [{ setFeatureFlag: { key: "example/key", isEnabled: false } }, { setConfig: { key: "example/limit", value: 10 } }] }',
    })
    runAdminOperation(
      @Ctx() context: RequestContext,
      @Arg('input', () => input, { description: 'The steps, and how to run them.' }) given: RunAdminOperationArguments,
    ): Promise<RunAdminOperationPayload> {
      return this.#service.run(context, given)
    }

    @Mutation(() => RevertRevisionPayload, {
      description:
        'Puts back everything that a revision changed, as a new revision. Refused where an object has changed since, or where a change cannot be put back (keys, registrations).',
    })
    @Operation({ permission: 'operations:revert', writes: true, cost: 5, sample: 'input: { revision: 1, dryRun: true }' })
    revertRevision(
      @Ctx() context: RequestContext,
      @Arg('input', () => RevertRevisionInput, { description: 'The revision.' }) given: RevertRevisionInput,
    ): Promise<RevertRevisionPayload> {
      return this.#service.revert(context, given)
    }
  }
  return AdminOperationResolver
}
