import { Arg, Ctx, Int, Query, Resolver } from 'type-graphql'
import { AppError } from '../../../core/contract/errors.js'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { demandRevision } from '../../../core/history/revision-number.js'
import { exportState } from './state-export.js'
import { SECTIONS, StateExport, type StateKindName, StateKinds } from './state-export.types.js'

/** To take the state out as a document. */
export const STATE_EXPORT = 'state:export'

@Resolver()
export class StateExportResolver {
  @Query(() => StateExport, {
    description:
      'Flags, configs, rate limits and smoke checks as one document, as they are or as they were at a revision: to keep it elsewhere, or to compare. The same for the same revision, byte by byte. What it costs grows with the changes since `atRevision`: some seconds for a million of them, while everything else goes on; a document larger than answers may be is refused.',
  })
  @Operation({ permission: STATE_EXPORT, cost: 20 })
  async exportState(
    @Ctx() context: RequestContext,
    @Arg('kinds', () => [StateKinds], { nullable: true, description: 'Only these parts; left out: all of them.' })
    kinds?: readonly StateKindName[] | null,
    @Arg('prefix', () => String, {
      nullable: true,
      description: 'Only objects whose name in the document begins with this, such as "checkout."; left out: all of them.',
    })
    prefix?: string | null,
    @Arg('atRevision', () => Int, {
      nullable: true,
      description:
        'As it was at this revision; left out: as it is now. A revision that the log does not lead back to any more is refused, and the refusal names the oldest one that it does.',
    })
    atRevision?: number | null,
  ): Promise<StateExport> {
    if (kinds?.length === 0) throw new AppError('BAD_USER_INPUT', 'The argument `kinds` names no kind. Leave it out for all of them.')
    if (typeof atRevision === 'number') await demandRevision(context, 'atRevision', atRevision)
    const revision = atRevision ?? context.snapshot.revision
    const sections = new Set((kinds ?? (Object.keys(SECTIONS) as StateKindName[])).map((kind) => SECTIONS[kind]))
    return { revision, state: await exportState(context, { revision, sections, prefix: prefix ?? '' }) }
  }
}
