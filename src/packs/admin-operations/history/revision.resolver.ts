import { Arg, Ctx, Int, Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { Holds } from '../../../core/graphql/bounds/list-length.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { demandRevision } from '../../../core/history/revision-number.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { CHANGES_READ } from '../changes/change.resolver.js'
import { MAX_STEPS, type PlannedChangeData } from '../operations/admin-operation.command.js'
import { PlannedChange } from '../operations/admin-operation.types.js'
import { compareRevisions, MAX_COMPARED } from './compare-revisions.js'

/** Hardly a revision changes more objects than an operation has steps. */
function countCompared({ from, to }: Readonly<Record<string, unknown>>, { revision }: Snapshot): number {
  const revisions = Math.abs((Number(to ?? revision) || 0) - (Number(from) || 0))
  return Math.min(revisions * MAX_STEPS, MAX_COMPARED)
}

@Resolver()
export class RevisionResolver {
  @Query(() => [PlannedChange], {
    description: `What would have to be done to get from the state at one revision to that at another, object by object; every \`step\` is 0. What was changed and put back does not show. It walks over the changes between the two: some seconds for a million of them, while everything else goes on. At most ${MAX_COMPARED} objects may have been changed, and each counts for the weight of the call (as many as operations have steps, for each revision).`,
  })
  @Operation({ permission: CHANGES_READ, cost: 20, sample: 'from: 1' })
  @Holds(countCompared)
  async compareRevisions(
    @Ctx() context: RequestContext,
    @Arg('from', () => Int, { description: 'The revision to begin with: earlier or later than the other one.' }) from: number,
    @Arg('to', () => Int, { nullable: true, description: 'The revision to get to; left out: the newest one.' }) to?: number | null,
  ): Promise<readonly PlannedChangeData[]> {
    await demandRevision(context, 'from', from)
    if (typeof to === 'number') await demandRevision(context, 'to', to)
    return compareRevisions(context, from, to ?? context.snapshot.revision)
  }
}
