import { Field, ID, Int, ObjectType } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { type Measure, single } from '../../../core/contract/measure.js'
import { TARGET_KEY } from '../../../core/graphql/change.types.js'
import { Integrity } from '../../../core/integrity/integrity.js'

/** An object that somebody has changed without the control plane. */
@ObjectType('TamperedObject', {
  simpleResolvers: true,
  description: 'A stored object that is not what its last change left: somebody has edited, added or deleted its row by hand.',
})
export class TamperedObject {
  @Field(() => String, { description: 'The type of the object, such as "ApiClient".' })
  targetType!: string
  @Field(() => ID, { description: 'Its id; where nothing tells it any more, its key.' })
  targetId!: string
  @Field(() => String, TARGET_KEY)
  targetKey!: string
}

/** Whether the database is what was written. */
@ObjectType('AuditIntegrity', {
  simpleResolvers: true,
  description:
    'Whether the database holds what was once written: the change log and the audit events, each row of which is linked to the one before it by a keyed digest, and every object, which is compared with its last change.',
})
export class AuditIntegrity {
  @Field(() => Boolean, {
    description:
      'Whether all of it is: every link of both chains holds, their ends are where they should be, nothing stands outside of them, and every object is what its last change left.',
  })
  isIntact!: boolean
  @Field(() => Int, { description: 'How many revisions hold, from the beginning of the log (or from its checkpoint) on.' })
  checkedRevisions!: number
  @Field(() => Int, { nullable: true, description: 'The first revision that is not as it was written; null when all are.' })
  firstBrokenRevision!: number | null
  @Field(() => Int, { description: 'The newest revision.' })
  headRevision!: number
  @Field(() => String, { description: 'The digest of the newest change, in hex. Keep it elsewhere, and a cut tail cannot hide.' })
  headDigest!: string
  @Field(() => Int, { description: 'How many objects were compared with their last change.' })
  checkedObjects!: number
  @Field(() => [TamperedObject], { description: 'The objects that are not what their last change left; the first hundred of them.' })
  tamperedObjects!: readonly TamperedObject[]
  @Field(() => Int, { description: 'How many audit events hold, from the beginning of their chain on.' })
  checkedEvents!: number
  @Field(() => ID, {
    nullable: true,
    description:
      'The first audit event that is not as it was written; where some are missing, the one behind them, or the last one that is left. Null when all are there, and when none is left.',
  })
  firstBrokenEvent!: string | null
}

/** The one check of a server. */
export const integrityCheck = (core: CoreServices): Integrity => new Integrity(core)

/** What operators can watch of the check. */
export function integrityMeasures(core: CoreServices): readonly Measure[] {
  return [
    single('gauge', 'valhalla_audit_verified_revision', {
      help: 'Revision up to which this process has found the change log to be what was written; 0 before the first check.',
      read: () => core.once(integrityCheck).verifiedRevision,
    }),
  ]
}
