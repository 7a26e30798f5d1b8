import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql'
import { type ClientType, ROLES, type Role } from '../../core/caller.js'
import { ClientTypes } from '../../core/graphql/change.types.js'
import { connectionOf } from '../../core/graphql/connection.js'
import { enumOf } from '../../core/graphql/enum.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'

/** The GraphQL enum of roles. */
const Roles = enumOf(ROLES)
registerEnumType(Roles, {
  name: 'Role',
  description: 'What a client may do. Each role may do what the ones before it may.',
  valuesConfig: {
    EVALUATOR: { description: 'Evaluates feature flags, and asks for the maintenance state and the system summary. For front ends.' },
    OBSERVER: { description: 'Reads and follows everything, except the security snapshot and the audit events.' },
    OPERATOR: { description: 'Also writes, except API clients and what is locked; also reads the security snapshot and the audit events.' },
    ADMIN: { description: 'Everything.' },
  },
})

/** A client, as its readers see it: the records of the state are of this shape, and hold more that stays inside. */
@ObjectType('ApiClient', { simpleResolvers: true, description: 'Somebody who may call this control plane, with an API key and a role.' })
export class ApiClientType {
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

  @Field(() => Int, { description: 'Counts its edits, from 1; pass it as `expectedVersion` to guard an update.' })
  version!: number

  @Field(() => DateTimeISO, { description: 'When it was registered.' })
  createdAt!: Date

  @Field(() => DateTimeISO, { description: 'When it was last changed; its use does not count.' })
  updatedAt!: Date
}

/** A page of clients. */
export const ApiClientConnection = connectionOf(ApiClientType, 'ApiClient')

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
  @Field(() => ApiClientType, { nullable: true, description: 'The API client that your key belongs to.' })
  apiClient!: object | null

  @Field(() => Roles, { nullable: true, description: 'Your role.' })
  role!: Role | null

  @Field(() => [String], {
    description: 'Everything that you may do, such as "flags:write"; the operation index says which operation needs which.',
  })
  permissions!: readonly string[]
}
