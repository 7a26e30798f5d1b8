import { Field, ID, InputType, Int } from 'type-graphql'
import { DateTimeISO } from '../../../core/graphql/scalars.js'
import type { ChangeLogFilter } from '../../../core/ledger/change-log.js'

/** Filter of the change log. */
@InputType('ChangeFilter', { description: 'Which changes are meant; what is left out does not matter.' })
export class ChangeFilter implements ChangeLogFilter {
  @Field(() => ID, { nullable: true, description: 'Of this pack, such as "UA".' })
  pack?: string | null
  @Field(() => String, { nullable: true, description: 'Of objects of this type, such as "FeatureFlag".' })
  targetType?: string | null
  @Field(() => ID, { nullable: true, description: 'Of the object with this `id`.' })
  targetId?: string | null
  @Field(() => ID, { nullable: true, description: 'By this API client.' })
  actorId?: string | null
  @Field(() => String, { nullable: true, description: 'By this operation, such as "setConfig".' })
  operation?: string | null
  @Field(() => Int, { nullable: true, description: 'Of revisions above this one: the last that you have seen.' })
  sinceRevision?: number | null
  @Field(() => Int, { nullable: true, description: 'Of revisions up to this one.' })
  untilRevision?: number | null
  @Field(() => DateTimeISO, { nullable: true, description: 'Committed at or after this time.' })
  since?: Date | null
  @Field(() => DateTimeISO, { nullable: true, description: 'Committed at or before this time.' })
  until?: Date | null
}
