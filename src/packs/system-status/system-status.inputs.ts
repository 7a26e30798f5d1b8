import { Field, InputType } from 'type-graphql'
import { ReasonInput } from '../../core/graphql/bases.js'
import { SemVer } from '../../core/graphql/scalars.js'

const NOTES = { nullable: true, description: 'What to note; left out: the notes stay; null: they are cleared.' }

/** Notes that go with a change of the status. */
@InputType()
export abstract class NotesInput {
  @Field(() => String, NOTES)
  notes?: string | null
}

/** Input of markBackendComplete. */
@InputType('MarkBackendCompleteInput', { description: 'Marks the backend as complete.' })
export class MarkBackendCompleteInput extends NotesInput {}

/** Input of markBackendIncomplete. */
@InputType('MarkBackendIncompleteInput', { description: 'Marks the backend as not complete.' })
export class MarkBackendIncompleteInput extends NotesInput {}

/** Input of updateSystemVersion. */
@InputType('UpdateSystemVersionInput', { description: "Sets the system's version, or its notes, or both." })
export class UpdateSystemVersionInput extends ReasonInput implements NotesInput {
  @Field(() => SemVer, {
    nullable: true,
    description: 'The new version; left out: it stays. It cannot be lower than the present one; build metadata alone may change freely.',
  })
  version?: string | null
  @Field(() => String, NOTES)
  notes?: string | null
}
