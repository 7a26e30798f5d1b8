import { Field, InputType, Int, ObjectType } from 'type-graphql'
import type { UserErrorData } from '../../../core/contract/errors.js'
import { Change } from '../../../core/graphql/change.types.js'
import { UserError } from '../../../core/graphql/user-error.js'
import type { ChangeRecord } from '../../../core/state/change.js'

/** Input of restoreObject. */
@InputType('RestoreObjectInput', {
  description: 'Puts one object back as it was at a revision, or takes it away where it was not there yet.',
})
export class RestoreObjectInput {
  @Field(() => String, { description: 'The type of the object, such as "FeatureFlag".' })
  targetType!: string
  @Field(() => String, {
    description:
      'What people call it: a flag\'s key, the scope and key of a rate limit such as "IP *", a client\'s name; its `id` where it has no such name or several share it. Of those that were deleted since, the newest 10,000 of the type are found by their names.',
  })
  targetKey!: string
  @Field(() => Int, { description: 'The revision that it is to be as at: what that revision did to it is in.' })
  revision!: number
  @Field(() => String, { nullable: true, description: 'Why; stands in the change log.' })
  reason?: string | null
}

/** What restoreObject came to. */
@ObjectType('RestoreObjectPayload', { simpleResolvers: true, description: 'What restoreObject came to.' })
export class RestoreObjectPayload {
  @Field(() => [Change], { description: 'The rows of the change log that this made; empty where the object is as it was then.' })
  changes!: readonly ChangeRecord[]
  @Field(() => [UserError], { description: 'What is wrong with the input; with user errors nothing was changed.' })
  userErrors!: readonly UserErrorData[]
  @Field(() => Int, {
    nullable: true,
    description: 'The revision that this made; null when nothing had to change or the input was refused.',
  })
  revision!: number | null
}
