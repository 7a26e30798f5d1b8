import { Field, ID, ObjectType } from 'type-graphql'
import { editedType } from '../../core/graphql/bases.js'
import { connectionOf } from '../../core/graphql/connection.js'
import { enumType, JSONValue } from '../../core/graphql/scalars.js'
import type { Json } from '../../core/values/json.js'

/** An entry as it is shown. */
@ObjectType('ConfigEntry', {
  simpleResolvers: true,
  description: 'One setting of the running system: a key and a JSON value. Never a secret.',
})
export class ConfigEntry extends editedType() {
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
}

/** How a list of entries is sorted. */
export type ConfigOrder = 'KEY' | 'UPDATED_AT_DESC'

/** The GraphQL enum of orders of entries. */
export const ConfigOrders = enumType<ConfigOrder>('ConfigOrder', 'How a list of entries is sorted.', {
  KEY: 'In the order of their keys.',
  UPDATED_AT_DESC: 'Those that were changed last first.',
})

/** A page of entries. */
export const ConfigEntryConnection = connectionOf(ConfigEntry, 'ConfigEntry')
