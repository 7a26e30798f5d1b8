import { Arg, Ctx, Mutation, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import type { PackWrite } from '../../../core/contract/write.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { calledNames } from '../../../core/history/called.js'
import { demandRights } from '../operations/rights.js'
import { OPERATIONS_REVERT } from '../smoke-guard/guarded-operation.collection.js'
import { makeRestoreCommand } from './restore-object.js'
import { RestoreObjectInput, RestoreObjectPayload } from './restore-object.types.js'

@Resolver()
class RestoreObjectResolver {
  @Mutation(() => RestoreObjectPayload, {
    description:
      'Puts one object back as it was at a revision, as a new revision, whatever has happened to it since. You need the permission to change such objects. Refused where something since then cannot be put back (keys, registrations), and where the log does not lead back to the revision any more.',
  })
  @Operation({
    permission: OPERATIONS_REVERT,
    writes: true,
    cost: 5,
    sample: 'input: { targetType: "FeatureFlag", targetKey: "example/key", revision: 1 }',
  })
  async restoreObject(
    @Ctx() context: RequestContext,
    @Arg('input', () => RestoreObjectInput, { description: 'The object, and the revision.' }) input: RestoreObjectInput,
  ): Promise<RestoreObjectPayload> {
    const { core, caller, requestId: correlationId } = context
    const { command, demands } = await makeRestoreCommand({ ...core, names: context.once(calledNames) }, input)
    demandRights(caller, demands)
    const outcome = await core.ledger.commit({ command, input, caller, correlationId, reason: input.reason ?? null })
    context.snapshot = core.ledger.snapshot
    if (!outcome.ok) return { changes: [], revision: null, userErrors: outcome.userErrors }
    return { changes: outcome.changes, revision: outcome.revision, userErrors: [] }
  }
}

/** To put one object back: alone, or as a step. */
export const restoreObject: PackWrite = {
  name: 'restoreObject',
  command: makeRestoreCommand,
  input: RestoreObjectInput,
  step: 'Puts one object back as it was at a revision.',
  resolver: RestoreObjectResolver,
}
