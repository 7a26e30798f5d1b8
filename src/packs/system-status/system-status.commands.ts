import semver from 'semver'
import { userError } from '../../core/contract/errors.js'
import { revise, seal } from '../../core/state/collection.js'
import { type Command, type CommandContext, done, refused } from '../../core/state/command.js'
import type { Draft } from '../../core/state/draft.js'
import { findTextFaults } from '../../core/values/text.js'
import { SYSTEM_METADATA_ID, type SystemMetadataRecord, systemMetadataCollection } from './system-metadata.collection.js'
import type { NotesInput, UpdateSystemVersionInput } from './system-status.inputs.js'

/** The row as it is before anybody has changed it. */
function initial(now: Date): SystemMetadataRecord {
  const row = { id: SYSTEM_METADATA_ID, version: '1.0.0', backendComplete: false, completedAt: null, notes: null }
  return seal(systemMetadataCollection, { ...row, rowVersion: 1, createdAt: now, updatedAt: now })
}

function edit(
  draft: Draft,
  { now }: CommandContext,
  patch: (row: SystemMetadataRecord) => Partial<SystemMetadataRecord>,
): SystemMetadataRecord {
  const before = draft.get(systemMetadataCollection, SYSTEM_METADATA_ID) ?? initial(now)
  const after = revise(systemMetadataCollection, before, { patch: patch(before), now })
  draft.put(systemMetadataCollection, after)
  return after
}

const notesPatch = ({ notes }: NotesInput): Partial<SystemMetadataRecord> => (notes === undefined ? {} : { notes })

/** Makes the row at the first start; does nothing when it is there. */
export const initialiseSystemStatus: Command<object, SystemMetadataRecord> = {
  name: 'initialiseSystemStatus',
  isRevertible: false,
  run: (draft, _input, context) => done(edit(draft, context, () => ({}))),
}

/** Says that the backend is complete, and since when; saying it again keeps the first moment. */
export const markBackendComplete: Command<NotesInput, SystemMetadataRecord> = {
  name: 'markBackendComplete',
  isRevertible: true,
  run(draft, input, context) {
    const faults = findTextFaults(input.notes, ['notes'])
    if (faults.length > 0) return refused(...faults)
    return done(
      edit(draft, context, (row) => ({ ...notesPatch(input), backendComplete: true, completedAt: row.completedAt ?? context.now })),
    )
  },
}

/** Takes the completion back. */
export const markBackendIncomplete: Command<NotesInput, SystemMetadataRecord> = {
  name: 'markBackendIncomplete',
  isRevertible: true,
  run(draft, input, context) {
    const faults = findTextFaults(input.notes, ['notes'])
    if (faults.length > 0) return refused(...faults)
    return done(edit(draft, context, () => ({ ...notesPatch(input), backendComplete: false, completedAt: null })))
  },
}

/** Sets the system's version: never to a lower one by precedence (Semantic Versioning 2.0.0, section 11); build metadata may change. */
export const updateSystemVersion: Command<UpdateSystemVersionInput, SystemMetadataRecord> = {
  name: 'updateSystemVersion',
  isRevertible: true,
  run(draft, input, context) {
    const faults = findTextFaults(input.notes, ['notes'])
    const current = (draft.get(systemMetadataCollection, SYSTEM_METADATA_ID) ?? initial(context.now)).version
    if (!semver.valid(input.version))
      faults.push(userError('INVALID', ['version'], 'This must be a version such as 1.4.0 or 2.0.0-rc.1 (Semantic Versioning 2.0.0).'))
    else if (semver.lt(input.version, current)) {
      faults.push(
        userError(
          'INVALID',
          ['version'],
          `The version is ${current} already; it can be raised or keep its number with other build metadata, not go back.`,
        ),
      )
    }
    if (faults.length > 0) return refused(...faults)
    return done(edit(draft, context, () => ({ ...notesPatch(input), version: input.version })))
  },
}
