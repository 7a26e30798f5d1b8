import { Field, ID, InputType, Int } from 'type-graphql'
import type { ClientType, Role } from '../../core/contract/caller.js'
import { editInput, ReasonInput } from '../../core/graphql/bases.js'
import { ClientTypes } from '../../core/graphql/change.types.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'
import { Roles } from './api-client.types.js'

/** Input of registerApiClient. */
@InputType('RegisterApiClientInput', { description: 'A new API client. Its key is made here and shown once.' })
export class RegisterApiClientInput extends ReasonInput {
  @Field(() => String, { description: 'Name for people: 1 to 100 characters, unique among the active clients.' })
  name!: string
  @Field(() => ClientTypes, { description: 'What kind of program it is.' })
  clientType!: ClientType
  @Field(() => Roles, { description: 'What it may do.' })
  role!: Role
  @Field(() => String, { nullable: true, description: 'What it is for.' })
  description?: string | null
  @Field(() => DateTimeISO, {
    nullable: true,
    description: 'From this moment on its key is refused. Left out: never.',
  })
  expiresAt?: Date | null
  @Field(() => String, {
    nullable: true,
    description: 'Makes it safe to try again: the same key and input give the first answer for 24 hours, with `apiKey` null.',
  })
  idempotencyKey?: string | null
}

/** What every edit of one client takes. */
@InputType()
abstract class EditApiClientInput extends editInput('client') {
  @Field(() => ID, { description: 'The `id` of the client.' })
  id!: string
}

/** Input of updateApiClient. */
@InputType('UpdateApiClientInput', { description: 'Changes a client; its key stays. What is left out stays as it is.' })
export class UpdateApiClientInput extends EditApiClientInput {
  @Field(() => String, { nullable: true, description: 'Another name: 1 to 100 characters, unique among the active clients.' })
  name?: string | null
  @Field(() => String, { nullable: true, description: 'What it is for; null clears it.' })
  description?: string | null
  @Field(() => Roles, { nullable: true, description: 'What it may do from now on. The last ADMIN without an expiry stays one.' })
  role?: Role | null
  @Field(() => DateTimeISO, {
    nullable: true,
    description: 'From this moment on its key is refused; null: never. One that has expired works again with a later one.',
  })
  expiresAt?: Date | null
}

/** Input of activateApiClient. */
@InputType('ActivateApiClientInput', { description: 'Lets a deactivated client in again, with the key that it had.' })
export class ActivateApiClientInput extends EditApiClientInput {}

/** Input of deactivateApiClient. */
@InputType('DeactivateApiClientInput', { description: 'Refuses the key of a client from now on. The client and its history stay.' })
export class DeactivateApiClientInput extends EditApiClientInput {}

/** Input of rotateApiKey. */
@InputType('RotateApiKeyInput', { description: 'Gives a client another key.' })
export class RotateApiKeyInput extends ReasonInput {
  @Field(() => ID, { description: 'The `id` of the client.' })
  id!: string
  @Field(() => Int, {
    nullable: true,
    defaultValue: 0,
    description: 'How long the key that it has now goes on working, 0 to 604800 (7 days). A key that was replaced before ends at once.',
  })
  overlapSeconds?: number | null
}

/** Input of openSession. */
@InputType('OpenSessionInput', { description: 'How long a session is to be.' })
export class OpenSessionInput {
  @Field(() => Int, {
    nullable: true,
    defaultValue: 12,
    description: 'Hours until it ends, 1 to 12; it never outlives the key that opens it.',
  })
  hours?: number | null
}

/** Input of verifyApiKey. */
@InputType('VerifyApiKeyInput', { description: 'A key that somebody has shown to you, and what it is wanted for.' })
export class VerifyApiKeyInput {
  @Field(() => String, { description: 'The key. It is not kept, not even in a log.' })
  apiKey!: string
  @Field(() => String, { nullable: true, description: 'A permission that its client has to hold, such as "flags:write".' })
  permission?: string | null
}
