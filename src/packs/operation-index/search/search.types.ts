import { Field, ID, ObjectType } from 'type-graphql'
import { enumType } from '../../../core/graphql/scalars.js'

/** Kinds of what a search finds. */
export type SearchHitKindName = 'FLAG' | 'CONFIG' | 'CLIENT' | 'RATE_LIMIT' | 'MAINTENANCE_WINDOW' | 'SMOKE_CHECK' | 'OPERATION'

/** The GraphQL enum of kinds. */
export const SearchHitKinds = enumType<SearchHitKindName>('SearchHitKind', 'What was found.', {
  FLAG: 'A feature flag.',
  CONFIG: 'An entry of the config registry.',
  CLIENT: 'An API client, active or not.',
  RATE_LIMIT: 'A rate limit rule.',
  MAINTENANCE_WINDOW: 'A maintenance window.',
  SMOKE_CHECK: 'A check that was added to the smoke test.',
  OPERATION: 'An operation of this control plane.',
})

/** Something that a search has found. */
@ObjectType('SearchHit', { simpleResolvers: true, description: 'Something that a search has found.' })
export class SearchHit {
  @Field(() => SearchHitKinds, { description: 'What it is.' })
  kind!: SearchHitKindName
  @Field(() => ID, { description: 'The pack that it belongs to, such as "UA".' })
  pack!: string
  @Field(() => ID, { description: 'Its `id`.' })
  targetId!: string
  @Field(() => String, {
    description:
      "What people know it by: the key of a flag or an entry, a client's name, the scope and key of a rate limit, the name of a check or an operation, the description of a window.",
  })
  title!: string
  @Field(() => String, { nullable: true, description: 'A few words more, such as its description.' })
  subtitle!: string | null
}
