import type { RequestContext } from '../../core/graphql/context.js'
import { write } from '../../core/graphql/write.js'
import { viewStatus } from './status-view.js'
import { STATUS_WRITE, type SystemMetadataRecord } from './system-metadata.collection.js'
import { markBackendComplete, markBackendIncomplete, updateSystemVersion } from './system-status.commands.js'
import { MarkBackendCompleteInput, MarkBackendIncompleteInput, UpdateSystemVersionInput } from './system-status.inputs.js'
import { SystemStatus } from './system-status.types.js'

const common = {
  permission: STATUS_WRITE,
  returns: {
    field: 'systemStatus',
    type: () => SystemStatus,
    description: 'The status as it is now; null when there are user errors.',
    show: (row: SystemMetadataRecord, context: RequestContext) => viewStatus(row, context),
  },
} as const

/** Everything that can change the status. */
export const systemStatusWrites = [
  write({
    ...common,
    command: markBackendComplete,
    input: MarkBackendCompleteInput,
    isInputOptional: true,
    description: 'Marks the backend as complete and stamps the time. Marked twice, it keeps the first time.',
    takes: 'Notes, if any.',
    step: 'Marks the backend as complete.',
  }),
  write({
    ...common,
    command: markBackendIncomplete,
    input: MarkBackendIncompleteInput,
    isInputOptional: true,
    description: 'Takes the completion back and clears its time.',
    takes: 'Notes, if any.',
    step: 'Takes the completion of the backend back.',
  }),
  write({
    ...common,
    command: updateSystemVersion,
    input: UpdateSystemVersionInput,
    // What a fresh system has.
    sample: 'input: { version: "1.0.0" }',
    description: "Raises the system's version, or notes something, or both.",
    takes: 'The new version, notes, or both.',
    step: "Raises the system's version, or notes something.",
  }),
]
