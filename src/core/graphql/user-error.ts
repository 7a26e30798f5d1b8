import { Field, ObjectType } from 'type-graphql'
import type { UserErrorCode } from '../contract/errors.js'
import { enumType } from './scalars.js'

const UserErrorCodes = enumType<UserErrorCode>('UserErrorCode', 'Why an input was refused. Branch on these, never on the message.', {
  REQUIRED: 'Something is missing that this operation needs.',
  INVALID: 'The value breaks a rule; the message says which.',
  TAKEN: 'The name is used by another object.',
  NOT_FOUND: 'There is no such object.',
  STALE_VERSION: 'The object has changed since the version you expected. Read it again, then decide.',
  INVALID_STATE: 'The object is not in a state that allows this.',
  IMMUTABLE: 'The entry is locked; unlock it first (unlockConfig).',
  LOOKS_SECRET: 'The value looks like a secret, and the registry is for what everybody may read.',
  LIMIT_EXCEEDED: 'A limit would be exceeded.',
  STALE_PLAN: 'Something that the plan touches has changed since it was made. Plan again.',
})

/** One fault of an input, for the caller to mend. */
@ObjectType('UserError', {
  simpleResolvers: true,
  description: 'One thing that is wrong with the input, and that you can mend. A payload with user errors changed nothing.',
})
export class UserError {
  @Field(() => UserErrorCodes, { description: 'The kind of fault, to branch on.' })
  code!: UserErrorCode
  @Field(() => String, { description: 'What is wrong and what to do, for a person.' })
  message!: string
  @Field(() => [String], {
    nullable: true,
    description: 'Where it is: path of fields below `input`; null when it is the input as a whole.',
  })
  field!: readonly string[] | null
}
