import { Field, InputType, Int, ObjectType } from 'type-graphql'
import { DateTimeISO } from './scalars.js'

const REASON = { nullable: true, description: 'Why; stands in the change log.' }

/** The reason that a write may carry. */
@InputType()
export abstract class ReasonInput {
  @Field(() => String, REASON)
  reason?: string | null
}

/** The input of an edit: what is expected, and why. */
export interface EditInput {
  expectedVersion?: number | null
  reason?: string | null
}

/** The base of inputs that edit one object, called `noun`; `mayBeNew` for those that make it where there is none. */
export function editInput(noun: string, { mayBeNew = false } = {}): abstract new () => EditInput {
  const description = `Only when the ${noun} has this version${mayBeNew ? '; 0: only when there is none yet' : ''}.`
  @InputType()
  abstract class Edit extends ReasonInput implements EditInput {
    @Field(() => Int, { nullable: true, description })
    expectedVersion?: number | null
  }
  return Edit
}

/** What every object that is edited shows. */
export interface Edited {
  version: number
  createdAt: Date
  updatedAt: Date
}

/** The base of the types of objects that are edited; `words` describe its fields where the usual ones do not fit. */
export function editedType(words: Partial<Record<keyof Edited, string>> = {}): abstract new () => Edited {
  const {
    version = 'Counts its edits, from 1; pass it as expectedVersion to guard an update.',
    createdAt = 'When it was made.',
    updatedAt = 'When it was last changed.',
  } = words
  @ObjectType({ simpleResolvers: true })
  abstract class EditedObject implements Edited {
    @Field(() => Int, { description: version })
    version!: number

    @Field(() => DateTimeISO, { description: createdAt })
    createdAt!: Date

    @Field(() => DateTimeISO, { description: updatedAt })
    updatedAt!: Date
  }
  return EditedObject
}
