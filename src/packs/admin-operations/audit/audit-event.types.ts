import { Field, ID, InputType, ObjectType } from 'type-graphql'
import type { AuditOutcome } from '../../../core/background/audit.js'
import { Actor } from '../../../core/graphql/change.types.js'
import { connectionOf } from '../../../core/graphql/connection.js'
import { DateTimeISO, enumType, JSONValue } from '../../../core/graphql/scalars.js'
import type { JsonObject } from '../../../core/values/json.js'

const AuditOutcomes = enumType<AuditOutcome>('AuditOutcome', 'How what was tried ended.', {
  SUCCEEDED: 'It was done: a look at what is sensitive, or the verification of a key.',
  DENIED: 'It was refused: no valid key, no permission, a rate limit, maintenance.',
  FAILED: 'It could not be done, for a reason that was not the caller.',
})

/** Something that was refused or tried. */
@ObjectType('AuditEvent', {
  simpleResolvers: true,
  description:
    'What was refused or tried, not what changed: denied and failed calls, failed authentication, verified keys, looks at what is sensitive.',
})
export class AuditEvent {
  @Field(() => ID, { description: 'Identifies the event.' })
  id!: string
  @Field(() => DateTimeISO, { description: 'When it happened; for several equal events within a minute, the first of them.' })
  at!: Date
  @Field(() => String, { description: 'The root field that was called, or what was tried without one, such as "authenticate".' })
  operation!: string
  @Field(() => AuditOutcomes, { description: 'How it ended.' })
  outcome!: AuditOutcome
  @Field(() => String, { nullable: true, description: 'The code of the error, such as "FORBIDDEN"; for a verified key the verdict.' })
  code!: string | null
  @Field(() => Actor, { nullable: true, description: 'Who it was; null for whoever had no key that works.' })
  actor!: Actor | null
  @Field(() => String, { nullable: true, description: 'The address that it came from; for several equal events, the newest one.' })
  remoteAddress!: string | null
  @Field(() => JSONValue, {
    nullable: true,
    description: 'How many equal events there were (`count`, from `firstAt` to `lastAt`), and more about the newest one.',
  })
  detail!: JsonObject | null
}

/** A page of audit events. */
export const AuditEventConnection = connectionOf(AuditEvent, 'AuditEvent')

/** Filter of the audit events. */
@InputType('AuditEventFilter', { description: 'Which audit events are meant; what is left out does not matter.' })
export class AuditEventFilter {
  @Field(() => String, { nullable: true, description: 'Of this operation, such as "setConfig" or "authenticate".' })
  operation?: string | null
  @Field(() => AuditOutcomes, { nullable: true, description: 'With this outcome.' })
  outcome?: AuditOutcome | null
  @Field(() => ID, { nullable: true, description: 'By this API client.' })
  actorId?: string | null
  @Field(() => DateTimeISO, { nullable: true, description: 'At or after this time.' })
  since?: Date | null
  @Field(() => DateTimeISO, { nullable: true, description: 'At or before this time.' })
  until?: Date | null
}
