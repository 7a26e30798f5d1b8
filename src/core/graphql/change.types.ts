import { Field, ID, Int, ObjectType } from 'type-graphql'
import type { ClientType } from '../contract/caller.js'
import type { ChangeAction, ChangeRecord } from '../state/change.js'
import type { JsonObject } from '../values/json.js'
import { connectionOf } from './connection.js'
import type { RequestContext } from './context.js'
import { DateTimeISO, enumType, JSONValue } from './scalars.js'

/** The GraphQL enum of client types. */
export const ClientTypes = enumType<ClientType>('ClientType', 'What kind of program a client is.', {
  WEWEB: 'The public front end.',
  HEIMDALL: 'A dashboard: goes on reading while others are refused during maintenance.',
  TYR: 'Governance tooling.',
  SCRIPT: 'A script or a command line.',
  INTEGRATION: 'Another service.',
})

/** The GraphQL enum of change actions. */
export const ChangeActions = enumType<ChangeAction>('ChangeAction', 'What happened to an object.', {
  CREATE: 'It was made; `before` is null.',
  UPDATE: 'It was changed.',
  DELETE: 'It was removed; `after` is null.',
})

/** Who did something. */
@ObjectType('Actor', { simpleResolvers: true, description: 'Who did something, as it was known at that time.' })
export class Actor {
  @Field(() => ID, { description: 'Id of the API client, or "system" for the control plane itself.' })
  id!: string
  @Field(() => String, {
    description: "The client's name at that time, with “ (session)” behind it where it came with the key of a session.",
  })
  name!: string
  @Field(() => ClientTypes, { nullable: true, description: 'What kind of client it was; null for the control plane itself.' })
  clientType!: ClientType | null
}

/** One record changed by one revision. */
@ObjectType('Change', {
  simpleResolvers: true,
  description:
    'One object changed by one change set: the audit trail and the stream of events are these same rows. No secret ever stands in them.',
})
export class Change {
  @Field(() => ID, { description: 'Identifies the change: its revision and its place within it, such as "42.0".' })
  id!: string
  @Field(() => Int, { description: 'The revision that this change belongs to; all changes of one revision landed together.' })
  revision!: number
  @Field(() => ID, { description: 'The pack that owns the object, such as "UA".' })
  pack!: string
  @Field(() => String, { description: 'Type of the object, such as "FeatureFlag".' })
  targetType!: string
  @Field(() => ID, { description: "The object's `id`." })
  targetId!: string
  /** The key of its row: shown is what people call it, see {@link targetKeyOf}. */
  targetKey!: string
  @Field(() => ChangeActions, { description: 'Whether it was made, changed or removed.' })
  action!: string
  @Field(() => JSONValue, { nullable: true, description: 'The object before, as it was stored; null when it was made.' })
  before!: JsonObject | null
  @Field(() => JSONValue, { nullable: true, description: 'The object after, as it was stored; null when it was removed.' })
  after!: JsonObject | null
  @Field(() => String, { description: 'The operation that did it, such as "setFeatureFlag".' })
  operation!: string
  @Field(() => String, { nullable: true, description: 'The reason that the caller gave.' })
  reason!: string | null
  @Field(() => Actor, { description: 'Who did it.' })
  actor!: Actor
  @Field(() => ID, { description: "The request that did it: equal to the answer's x-request-id header." })
  correlationId!: string
  @Field(() => DateTimeISO, { description: 'When it was committed.' })
  at!: Date
  @Field(() => Boolean, { description: 'Whether it can be put back (keys and registrations cannot).' })
  isRevertible!: boolean
}

const collections = ({ core }: RequestContext) => new Map(core.collections.map((collection) => [collection.name, collection]))

/** How the schema describes what {@link targetKeyOf} tells. */
export const TARGET_KEY = {
  description:
    "What people call the object: a flag's key, a client's name, the scope and key of a rate limit; its `id` where it has no such name.",
}

/** Whether people call objects of this type otherwise than by the key of their row, which only an image tells then. */
export function hasTitle(context: RequestContext, targetType: string): boolean {
  return context.once(collections).get(targetType)?.titleOf !== undefined
}

/** What people call an object that was changed, or would be: as an image of it says, also where it is gone by now. */
export function targetKeyOf(
  context: RequestContext,
  { targetType, targetId }: Pick<ChangeRecord, 'targetType' | 'targetId'>,
  image: JsonObject | null,
): string {
  const collection = context.once(collections).get(targetType)
  // A newer build may log objects that this one does not know.
  if (!collection || !image) return targetId
  return collection.titleOf?.(image) ?? String(image[collection.key])
}

/** A page of changes. */
export const ChangeConnection = connectionOf(Change, 'Change')
