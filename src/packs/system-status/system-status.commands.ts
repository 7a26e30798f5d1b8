import semver from 'semver'
import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { revise, seal } from '../../core/state/collection.js'
import { type Command, type CommandContext, type CommandResult, done, refused } from '../../core/state/command.js'
import type { Draft } from '../../core/state/draft.js'
import { findTextFaults } from '../../core/values/text.js'
import { SYSTEM_METADATA_ID, type SystemMetadataRecord, systemMetadataCollection } from './system-metadata.collection.js'
import type { NotesInput, UpdateSystemVersionInput } from './system-status.inputs.js'

/** The row as it is before anybody has changed it. */
function initial(now: Date): SystemMetadataRecord {
  const row = { id: SYSTEM_METADATA_ID, version: '1.0.0', backendComplete: false, completedAt: null, notes: null }
  return seal(systemMetadataCollection, { ...row, rowVersion: 1, createdAt: now, updatedAt: now })
}

/** Edits the row: notes that are given, and what `patch` says; refused for faults of the notes, and for these. */
function edit(
  draft: Draft,
  { now }: CommandContext,
  {
    notes,
    faults = [],
    patch,
  }: NotesInput & { faults?: UserErrorData[]; patch?: (row: SystemMetadataRecord) => Partial<SystemMetadataRecord> },
): CommandResult<SystemMetadataRecord> {
  const all = [...findTextFaults(notes, ['notes']), ...faults]
  if (all.length > 0) return refused(...all)
  const before = rowOf(draft, now)
  const noted = notes === undefined ? {} : { notes }
  const after = revise(systemMetadataCollection, before, { patch: { ...noted, ...patch?.(before) }, now })
  draft.put(systemMetadataCollection, after)
  return done(after)
}

function rowOf(draft: Draft, now: Date): SystemMetadataRecord {
  return draft.get(systemMetadataCollection, SYSTEM_METADATA_ID) ?? initial(now)
}

/** Makes the row at the first start; does nothing when it is there. */
export const initialiseSystemStatus: Command<object, SystemMetadataRecord> = {
  name: 'initialiseSystemStatus',
  isRevertible: false,
  run: (draft, _input, context) => edit(draft, context, {}),
}

/** Says that the backend is complete, and since when; saying it again keeps the first moment. */
export const markBackendComplete: Command<NotesInput, SystemMetadataRecord> = {
  name: 'markBackendComplete',
  isRevertible: true,
  run: (draft, { notes }, context) =>
    edit(draft, context, { notes, patch: ({ completedAt }) => ({ backendComplete: true, completedAt: completedAt ?? context.now }) }),
}

/** Takes the completion back. */
export const markBackendIncomplete: Command<NotesInput, SystemMetadataRecord> = {
  name: 'markBackendIncomplete',
  isRevertible: true,
  run: (draft, { notes }, context) => edit(draft, context, { notes, patch: () => ({ backendComplete: false, completedAt: null }) }),
}

/** Sets the system's version, its notes or both. The version never goes to a lower one by precedence (Semantic Versioning 2.0.0, section 11); build metadata may change. */
export const updateSystemVersion: Command<UpdateSystemVersionInput, SystemMetadataRecord> = {
  name: 'updateSystemVersion',
  isRevertible: true,
  run: (draft, { notes, version }, context) =>
    edit(draft, context, {
      notes,
      faults: findVersionFaults({ version, notes }, rowOf(draft, context.now).version),
      patch: () => (version ? { version } : {}),
    }),
}

function findVersionFaults({ version, notes }: UpdateSystemVersionInput, current: string): UserErrorData[] {
  if (version === undefined || version === null)
    return notes === undefined ? [userError('REQUIRED', ['version'], 'Give the new version, notes, or both.')] : []
  const fault = (message: string): UserErrorData[] => [userError('INVALID', ['version'], message)]
  if (!semver.valid(version)) return fault('This must be a version such as 1.4.0 or 2.0.0-rc.1 (Semantic Versioning 2.0.0).')
  if (!semver.lt(version, current)) return []
  return fault(`The version is ${current} already; it can be raised or keep its number with other build metadata, not go back.`)
}
