import { Field, ID, Int, ObjectType } from 'type-graphql'
import { Holds } from '../../../core/graphql/bounds/list-length.js'
import { Actor, Change } from '../../../core/graphql/change.types.js'
import { connectionOf } from '../../../core/graphql/connection.js'
import { DateTimeISO } from '../../../core/graphql/scalars.js'
import type { ChangeEntry } from '../../../core/state/change.js'
import type { ProofRun } from '../ports.js'

/** How many changes a revision counts as in the weight of a call: most have one, an operation may have a thousand. */
const USUAL_CHANGES = 20

/** One change set. What follows from all of its changes is resolved when it is asked for. */
@ObjectType('Revision', { simpleResolvers: true, description: 'One change set, whole: everything that landed together.' })
export class Revision {
  @Field(() => Int, { description: 'The number of the revision.' })
  number!: number
  @Field(() => DateTimeISO, { description: 'When it was committed.' })
  at!: Date
  @Field(() => Actor, { description: 'Who did it.' })
  actor!: Actor
  @Field(() => String, { description: 'The operation that did it, such as "runAdminOperation".' })
  operation!: string
  @Field(() => String, { nullable: true, description: 'The reason that the caller gave; where its steps had their own, all of them.' })
  reason!: string | null
  @Field(() => ID, { description: "The request that did it: equal to the answer's x-request-id header." })
  correlationId!: string
  @Field(() => [Change], { description: 'All that it changed, in order.' })
  @Holds(USUAL_CHANGES)
  changes!: readonly ChangeEntry[]
  @Field(() => Boolean, {
    description:
      'Whether revertRevision can put it back (keys and registrations cannot). Whether an object has changed since is told by its dryRun.',
  })
  isRevertible!: boolean
  @Field(() => Int, {
    nullable: true,
    description:
      'The revision that this one put back, or a part of it; null where it put none back, or an older version made it, which did not note that.',
  })
  revertOf!: number | null
  @Field(() => Int, {
    nullable: true,
    description:
      'The newest revision that put this one back, or a part of it; null where none did, or an older version did, which did not note that.',
  })
  revertedBy!: number | null

  /** Its type is another pack's: the registry declares the field. */
  smokeTestRun!: ProofRun | null
}

/** A page of revisions. */
export const RevisionConnection = connectionOf(Revision, 'Revision')
