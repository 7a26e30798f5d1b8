import { Field, ID, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../../core/graphql/connection.js'
import { payloadOf } from '../../core/graphql/payload.js'
import { DateTimeISO, JSONValue } from '../../core/graphql/scalars.js'
import type { Json } from '../../core/values/json.js'

/** An entry as it is shown. */
@ObjectType('ConfigEntry', {
  simpleResolvers: true,
  description: 'One setting of the running system: a key and a JSON value. Never a secret.',
})
export class ConfigEntry {
  @Field(() => ID, { description: 'Identifies this entry, also in the change log.' })
  id!: string

  @Field(() => String, { description: 'The name that applications ask for.' })
  key!: string

  @Field(() => JSONValue, { description: 'The value, any JSON.' })
  value!: Json

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  description!: string | null

  @Field(() => Boolean, { description: 'Whether it can be changed; false: it is locked.' })
  isMutable!: boolean

  @Field(() => JSONValue, { nullable: true, description: 'The JSON Schema that every value must fit; null: any value.' })
  valueSchema!: Json

  @Field(() => Int, { description: 'Counts its edits, from 1; pass it as expectedVersion to guard an update.' })
  version!: number

  @Field(() => DateTimeISO, { description: 'When it was made.' })
  createdAt!: Date

  @Field(() => DateTimeISO, { description: 'When it was last changed.' })
  updatedAt!: Date
}

/** A page of entries. */
export const ConfigEntryConnection = connectionOf(ConfigEntry, 'ConfigEntry')

const entry = {
  field: 'configEntry',
  type: () => ConfigEntry,
  description: 'The entry as it is now; null when there are user errors.',
} as const

export const SetConfigPayload = payloadOf('setConfig', entry)
export const UnlockConfigPayload = payloadOf('unlockConfig', entry)
export const DeleteConfigPayload = payloadOf('deleteConfig', {
  field: 'deletedKey',
  type: () => String,
  description: 'Key of the entry that is gone; null when there are user errors.',
})
