import { Field, ID, InputType, Int } from 'type-graphql'
import { ChangeActions } from '../../../core/graphql/change.types.js'
import { DateTimeISO } from '../../../core/graphql/scalars.js'
import type { ChangeAction } from '../../../core/state/change.js'

/** Filter of the change log. */
@InputType('ChangeFilter', { description: 'Which changes are meant; what is left out does not matter.' })
export class ChangeFilter {
  @Field(() => ID, { nullable: true, description: 'Of this pack, such as "UA".' })
  pack?: string | null
  @Field(() => String, { nullable: true, description: 'Of objects of this type, such as "FeatureFlag".' })
  targetType?: string | null
  @Field(() => ID, { nullable: true, description: 'Of the object with this `id`.' })
  targetId?: string | null
  @Field(() => String, {
    nullable: true,
    description:
      'Of the object that people call so, also where it is gone: a flag\'s key, a client\'s name, the scope and key of a rate limit such as "IP *". All that happened to it, under whatever name. Of those that are gone the newest 10,000 of each type are looked at. Without `targetType` it is looked for in the whole log, as with `search`.',
  })
  targetKey?: string | null
  @Field(() => ChangeActions, { nullable: true, description: 'That made, changed or removed an object.' })
  action?: ChangeAction | null
  @Field(() => ID, { nullable: true, description: 'By this API client.' })
  actorId?: string | null
  @Field(() => String, { nullable: true, description: 'By this operation, such as "setConfig".' })
  operation?: string | null
  @Field(() => ID, { nullable: true, description: "By the request of this id: its answer's x-request-id header." })
  correlationId?: string | null
  @Field(() => String, {
    nullable: true,
    description:
      "With this text in the object's key or id, in the operation, the reason or the name of who did it, whatever the letter case (of a to z); also of objects whose name now holds it, 1,000 of them at most. A search for what is not there looks at the whole log: some seconds for a million changes.",
  })
  search?: string | null
  @Field(() => Int, { nullable: true, description: 'Of revisions above this one: the last that you have seen.' })
  sinceRevision?: number | null
  @Field(() => Int, { nullable: true, description: 'Of revisions up to this one.' })
  untilRevision?: number | null
  @Field(() => DateTimeISO, { nullable: true, description: 'Committed at or after this time.' })
  since?: Date | null
  @Field(() => DateTimeISO, { nullable: true, description: 'Committed at or before this time.' })
  until?: Date | null
}
