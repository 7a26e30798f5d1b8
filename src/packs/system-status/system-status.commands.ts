import semver from 'semver'
import { userError } from '../../core/contract/errors.js'
import { revise, seal } from '../../core/state/collection.js'
import { type Command, type CommandContext, done, refused } from '../../core/state/command.js'
import type { Draft } from '../../core/state/draft.js'
import { findTextFaults } from '../../core/values/text.js'
import { SYSTEM_METADATA_ID, type SystemMetadata, systemMetadata } from './system-metadata.collection.js'
import type { NotesInput, UpdateSystemVersionInput } from './system-status.inputs.js'

/** The row as it is before anybody has changed it. */
function initial(now: Date): SystemMetadata {
  const row = { id: SYSTEM_METADATA_ID, version: '1.0.0', backendComplete: false, completedAt: null, notes: null }
  return seal(systemMetadata, { ...row, rowVersion: 1, createdAt: now, updatedAt: now })
}

function edit(draft: Draft, { now }: CommandContext, patch: (row: SystemMetadata) => Partial<SystemMetadata>): SystemMetadata {
  const before = draft.get(systemMetadata, SYSTEM_METADATA_ID) ?? initial(now)
  const after = revise(systemMetadata, before, { patch: patch(before), now })
  draft.put(systemMetadata, after)
  return after
}

const notesPatch = ({ notes }: NotesInput): Partial<SystemMetadata> => (notes === undefined ? {} : { notes })

/** Makes the row at the first start; does nothing when it is there. */
export const initialiseSystemStatus: Command<object, SystemMetadata> = {
  name: 'initialiseSystemStatus',
  pack: 'W',
  isRevertible: false,
  run: (draft, _input, context) => done(edit(draft, context, () => ({}))),
}

/** Says that the backend is complete, and since when; saying it again keeps the first moment. */
export const markBackendComplete: Command<NotesInput, SystemMetadata> = {
  name: 'markBackendComplete',
  pack: 'W',
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
export const markBackendIncomplete: Command<NotesInput, SystemMetadata> = {
  name: 'markBackendIncomplete',
  pack: 'W',
  isRevertible: true,
  run(draft, input, context) {
    const faults = findTextFaults(input.notes, ['notes'])
    if (faults.length > 0) return refused(...faults)
    return done(edit(draft, context, () => ({ ...notesPatch(input), backendComplete: false, completedAt: null })))
  },
}

/** Sets the system's version: never to a lower one by precedence (Semantic Versioning 2.0.0, section 11); build metadata may change. */
export const updateSystemVersion: Command<UpdateSystemVersionInput, SystemMetadata> = {
  name: 'updateSystemVersion',
  pack: 'W',
  isRevertible: true,
  run(draft, input, context) {
    const faults = findTextFaults(input.notes, ['notes'])
    const current = (draft.get(systemMetadata, SYSTEM_METADATA_ID) ?? initial(context.now)).version
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
