import { Field, InputType } from 'type-graphql'
import { editInput } from '../../core/graphql/bases.js'
import { JSONValue } from '../../core/graphql/scalars.js'
import type { Json } from '../../core/values/json.js'

/** Input of setConfig. */
@InputType('SetConfigInput', { description: 'Makes an entry or changes it. What is left out stays as it is; a new entry needs a value.' })
export class SetConfigInput extends editInput('entry', { mayBeNew: true }) {
  @Field(() => String, { description: 'The key: a-z and 0-9 first, then also . _ / -, at most 200 characters.' })
  key!: string
  @Field(() => JSONValue, {
    nullable: true,
    description: 'Any JSON but null, up to 64 KiB, nested up to 32 deep. No secrets: everybody who may read the registry sees it.',
  })
  value?: Json
  @Field(() => String, { nullable: true, description: 'What it is for; null clears it.' })
  description?: string | null
  @Field(() => Boolean, { nullable: true, description: 'false locks the entry: it can then be changed only after unlockConfig.' })
  isMutable?: boolean | null
  @Field(() => JSONValue, {
    nullable: true,
    description: 'A JSON Schema (draft 2020-12) that this and every later value must fit; null removes it.',
  })
  valueSchema?: Json
}

/** Input of unlockConfig. */
@InputType('UnlockConfigInput', { description: 'Unlocks an entry, so that it can be changed or deleted.' })
export class UnlockConfigInput {
  @Field(() => String, { description: "The entry's key." })
  key!: string
  @Field(() => String, { description: 'Why it has to be changed after all; stands in the change log.' })
  reason!: string
}

/** Filter of configs. */
@InputType('ConfigFilter', { description: 'Which entries are meant; what is left out does not matter.' })
export class ConfigFilter {
  @Field(() => [String], { nullable: true, description: 'With one of these keys, at most 1,000; those that do not exist are left out.' })
  keys?: string[] | null
  @Field(() => String, { nullable: true, description: 'Whose key begins with this.' })
  prefix?: string | null
  @Field(() => String, { nullable: true, description: 'Whose key or description holds this text, whatever the letter case.' })
  search?: string | null
  @Field(() => Boolean, { nullable: true, description: 'That can be changed (true) or are locked (false).' })
  isMutable?: boolean | null
}
