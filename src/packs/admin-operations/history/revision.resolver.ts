import { Arg, Args, Ctx, FieldResolver, Int, Query, Resolver, Root } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { Holds } from '../../../core/graphql/bounds/list-length.js'
import { ReadsRows } from '../../../core/graphql/bounds/rows.js'
import { type Page, PageArgs } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { catchUpTo, demandRevision } from '../../../core/history/revision-number.js'
import type { ChangeEntry } from '../../../core/state/change.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { askedChanges } from '../changes/asked-changes.js'
import { ChangeFilter } from '../changes/change.inputs.js'
import { CHANGES_READ } from '../changes/change.resolver.js'
import { MAX_STEPS, type PlannedChangeData } from '../operations/admin-operation.command.js'
import { PlannedChange } from '../operations/admin-operation.types.js'
import type { ProofRun } from '../ports.js'
import { compareRevisions, MAX_COMPARED } from './compare-revisions.js'
import { Revision, RevisionConnection } from './revision.types.js'
import {
  changesOfRevision,
  findRevision,
  isRevertible,
  pageOfRevisions,
  proofOf,
  type RevisionHead,
  reasonOf,
  revertOf,
} from './revisions.js'

/** Hardly a revision changes more objects than an operation has steps. */
function countCompared({ from, to }: Readonly<Record<string, unknown>>, { revision }: Snapshot): number {
  const revisions = Math.abs(Number(to ?? revision) - Number(from))
  return Math.min(revisions * MAX_STEPS, MAX_COMPARED)
}

@Resolver(() => Revision)
export class RevisionResolver {
  @Query(() => Revision, {
    nullable: true,
    description: 'One revision, whole; null where there is none, or where the log does not hold it any more.',
  })
  @Operation({ permission: CHANGES_READ })
  @ReadsRows()
  async revision(
    @Ctx() context: RequestContext,
    @Arg('number', () => Int, { description: 'The number of the revision.' }) number: number,
  ): Promise<RevisionHead | null> {
    await catchUpTo(context, number)
    return findRevision(context, number)
  }

  @Query(() => RevisionConnection, {
    description:
      'The revisions, newest first: what landed together is one of them. With a filter those that have a change which it means; each is shown whole.',
  })
  @Operation({ permission: CHANGES_READ })
  @ReadsRows()
  async revisions(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => ChangeFilter, { nullable: true, description: 'Which changes they have; left out: all.' })
    filter?: ChangeFilter | null,
  ): Promise<Page<RevisionHead>> {
    return pageOfRevisions(context, await askedChanges(context, filter), args)
  }

  @FieldResolver()
  reason(@Ctx() context: RequestContext, @Root() { number }: RevisionHead): Promise<string | null> {
    return reasonOf(context, number)
  }

  @FieldResolver()
  changes(@Ctx() context: RequestContext, @Root() { number }: RevisionHead): Promise<readonly ChangeEntry[]> {
    return changesOfRevision(context, number)
  }

  @FieldResolver()
  isRevertible(@Ctx() context: RequestContext, @Root() { number }: RevisionHead): Promise<boolean> {
    return isRevertible(context, number)
  }

  @FieldResolver()
  revertedBy(@Ctx() context: RequestContext, @Root() { number }: RevisionHead): Promise<number | null> {
    return revertOf(context, number)
  }

  @FieldResolver()
  smokeTestRun(@Ctx() context: RequestContext, @Root() { number }: RevisionHead): Promise<ProofRun | null> {
    return proofOf(context, number)
  }

  @Query(() => [PlannedChange], {
    description: `What would have to be done to get from the state at one revision to that at another, object by object; every \`step\` is 0. What was changed and put back does not show. It walks over the changes between the two: some seconds for a million of them, while everything else goes on. At most ${MAX_COMPARED} objects may have been changed, and each counts for the weight of the call (as many as operations have steps, for each revision).`,
  })
  @Operation({ permission: CHANGES_READ, cost: 20, sample: 'from: 1' })
  @ReadsRows()
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
