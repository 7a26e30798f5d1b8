import { type ClassType, Field, ID, InputType, ObjectType } from 'type-graphql'
import type { ClientType, Role } from '../../core/contract/caller.js'
import type { UserErrorData } from '../../core/contract/errors.js'
import { editedType } from '../../core/graphql/bases.js'
import { ClientTypes } from '../../core/graphql/change.types.js'
import { connectionOf } from '../../core/graphql/connection.js'
import { payloadOf } from '../../core/graphql/payload.js'
import { DateTimeISO, enumType } from '../../core/graphql/scalars.js'
import { UserError } from '../../core/graphql/user-error.js'

/** The GraphQL enum of roles. */
export const Roles = enumType<Role>('Role', 'What a client may do. Each role may do what the ones before it may.', {
  EVALUATOR: 'Evaluates feature flags, and asks for the maintenance state and the system summary. For front ends.',
  OBSERVER: 'Reads and follows everything, except the audit events.',
  OPERATOR: 'Also writes, except API clients and what is locked; also reads and follows the audit events.',
  ADMIN: 'Everything.',
})

/** A client, as its readers see it: the records of the state are of this shape, and hold more that stays inside. */
@ObjectType('ApiClient', { simpleResolvers: true, description: 'Somebody who may call this control plane, with an API key and a role.' })
export class ApiClient extends editedType({
  version: 'Counts its edits, from 1; pass it as `expectedVersion` to guard an update.',
  createdAt: 'When it was registered.',
  updatedAt: 'When it was last changed; its use does not count.',
}) {
  @Field(() => ID, { description: 'Identifies the client; never changes.' })
  id!: string
  @Field(() => String, { description: 'Name for people, unique among the active clients.' })
  name!: string
  @Field(() => ClientTypes, { description: 'What kind of program it is.' })
  clientType!: ClientType
  @Field(() => Roles, { description: 'What it may do.' })
  role!: Role
  @Field(() => String, {
    description: 'Beginning of its key, such as "vk_live_4fK2…", to tell keys apart. The key itself is kept nowhere.',
  })
  keyPreview!: string
  @Field(() => Boolean, { description: 'Whether its key is accepted; a deactivated client keeps its history.' })
  isActive!: boolean
  @Field(() => String, { nullable: true, description: 'What it is for.' })
  description!: string | null
  @Field(() => DateTimeISO, { nullable: true, description: 'From this moment on its key is refused; null for never.' })
  expiresAt!: Date | null
}

/** A page of clients. */
export const ApiClientConnection = connectionOf(ApiClient, 'ApiClient')

/** Which clients are meant; what is left out (or null) does not matter. */
@InputType('ApiClientFilter', {
  description: 'Which API clients are meant. All that is given has to hold; what is left out does not matter.',
})
export class ApiClientFilter {
  @Field(() => ClientTypes, { nullable: true, description: 'Only those of this kind.' })
  clientType?: ClientType | null
  @Field(() => Roles, { nullable: true, description: 'Only those with this role.' })
  role?: Role | null
  @Field(() => Boolean, { nullable: true, description: 'Only active ones, or only deactivated ones.' })
  isActive?: boolean | null
  @Field(() => String, { nullable: true, description: 'Only those with this text in their name or description, in whatever case.' })
  search?: string | null
  @Field(() => DateTimeISO, {
    nullable: true,
    description: 'Only those whose `expiresAt` is before this moment (those that have expired already, too).',
  })
  expiresBefore?: Date | null
  @Field(() => DateTimeISO, { nullable: true, description: 'Only those that have not been used at this moment or later, or never.' })
  unusedSince?: Date | null
}

/** Who is calling. */
@ObjectType('Viewer', { simpleResolvers: true, description: 'Who you are to this control plane, and what you may do.' })
export class Viewer {
  @Field(() => ApiClient, { nullable: true, description: 'The API client that your key belongs to.' })
  apiClient!: ApiClient | null
  @Field(() => Roles, { nullable: true, description: 'Your role.' })
  role!: Role | null
  @Field(() => [String], {
    description: 'Everything that you may do, such as "flags:write"; the operation index says which operation needs which.',
  })
  permissions!: readonly string[]
  @Field(() => String, { description: 'The name of this deployment, such as "staging".' })
  environment!: string
  @Field(() => String, { nullable: true, description: 'Where this deployment runs, such as "eu-west-1"; null when nobody has said so.' })
  region!: string | null
  @Field(() => Boolean, { description: 'Whether this is production: think twice before you change something.' })
  isProduction!: boolean
}

const CLIENT_DESCRIPTION = 'The client as it is now; null when there are user errors.'

/** Adds the key to the payload of what makes one. */
function withApiKey<P extends ClassType<object>>(payload: P): P {
  const description =
    'The new key: shown this once, and kept nowhere in the clear. Null when there are user errors, and when an earlier answer is repeated.'
  Field(() => String, { nullable: true, description })(payload.prototype, 'apiKey')
  return payload
}

/** What payloads show of a client. */
export const shownClient = { field: 'apiClient', type: () => ApiClient, description: CLIENT_DESCRIPTION }

export const RegisterApiClientPayload = withApiKey(payloadOf('registerApiClient', shownClient))

export const RotateApiKeyPayload = withApiKey(payloadOf('rotateApiKey', shownClient))

/** Payload of openSession. */
@ObjectType('OpenSessionPayload', { simpleResolvers: true, description: 'What openSession came to.' })
export class OpenSessionPayload {
  @Field(() => String, {
    nullable: true,
    description: 'The key of the session, to be sent like any other: shown this once, and kept nowhere. Null when there are user errors.',
  })
  apiKey!: string | null
  @Field(() => DateTimeISO, { nullable: true, description: 'From this moment on it is refused; null when there are user errors.' })
  expiresAt!: Date | null
  @Field(() => [UserError], { description: 'What is wrong with the input; empty when it was accepted.' })
  userErrors!: readonly UserErrorData[]
}

/** Everything that a key can be found to be, the first that applies. */
export type VerifiedAs = 'VALID' | 'NOT_FOUND' | 'DISABLED' | 'EXPIRED' | 'FORBIDDEN' | 'RATE_LIMITED'

const KeyVerdicts = enumType<VerifiedAs>(
  'KeyVerdict',
  'What an API key was found to be: of all that is wrong with it, the first in this order (after VALID).',
  {
    VALID: 'It works, and may do what was asked about.',
    NOT_FOUND: 'No client has this key, or it is no key at all.',
    DISABLED: 'Its client is deactivated.',
    EXPIRED: 'Its client has expired, or the key was replaced by another one.',
    FORBIDDEN: "Its client's role does not have the permission that was asked about.",
    RATE_LIMITED: 'Its client has used up a rate limit.',
  },
)

/** Payload of verifyApiKey. */
@ObjectType('VerifyApiKeyPayload', { simpleResolvers: true, description: 'What verifyApiKey came to.' })
export class VerifyApiKeyPayload {
  @Field(() => KeyVerdicts, { description: 'Let the call pass only when this is VALID. FORBIDDEN when there are user errors.' })
  verdict!: VerifiedAs
  @Field(() => ApiClient, { nullable: true, description: 'Whose key it is; null for NOT_FOUND, and when there are user errors.' })
  apiClient!: ApiClient | null
  @Field(() => [UserError], { description: 'What is wrong with the input; empty when it was accepted.' })
  userErrors!: readonly UserErrorData[]
}
