import { boolean, defineCollection, integer, nullable, type RecordOf, text, timestamp } from '../../core/state/collection.js'

/** To see how far the system is, and how many packs there are. */
export const STATUS_SUMMARY = 'status:summary'
/** To see the packs one by one, how the replica is doing, and who changed the status last. */
export const STATUS_READ = 'status:read'
/** To change the status. */
export const STATUS_WRITE = 'status:write'

const fields = {
  id: text(),
  /** Version of the system by Semantic Versioning 2.0.0. */
  version: text(),
  backendComplete: boolean(),
  completedAt: nullable(timestamp()),
  notes: nullable(text()),
  /** Counts the edits of the row; `version` is the system's own. */
  rowVersion: integer(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
}

/** The one row that says how far the system is. */
export type SystemMetadataRecord = RecordOf<typeof fields>

/** Key of the one row. */
export const SYSTEM_METADATA_ID = 'system'

/** The collection of the one row. */
export const systemMetadataCollection = defineCollection<SystemMetadataRecord>({
  name: 'SystemStatus',
  table: 'system_metadata',
  key: 'id',
  id: 'id',
  version: 'rowVersion',
  writePermission: STATUS_WRITE,
  fields,
})
