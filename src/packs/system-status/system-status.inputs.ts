import { Field, InputType } from 'type-graphql'
import { SemVer } from '../../core/graphql/scalars.js'

/** Notes that go with a change of the status. */
@InputType()
export abstract class NotesInput {
  @Field(() => String, { nullable: true, description: 'What to note; left out: the notes stay; null: they are cleared.' })
  notes?: string | null
}

/** Input of markBackendComplete. */
@InputType('MarkBackendCompleteInput', { description: 'Marks the backend as complete.' })
export class MarkBackendCompleteInput extends NotesInput {}

/** Input of markBackendIncomplete. */
@InputType('MarkBackendIncompleteInput', { description: 'Marks the backend as not complete.' })
export class MarkBackendIncompleteInput extends NotesInput {}

/** Input of updateSystemVersion. */
@InputType('UpdateSystemVersionInput', { description: "Sets the system's version." })
export class UpdateSystemVersionInput extends NotesInput {
  @Field(() => SemVer, { description: 'The new version. It cannot be lower than the present one; build metadata alone may change freely.' })
  version!: string
}
