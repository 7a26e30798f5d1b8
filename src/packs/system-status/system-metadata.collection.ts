import { defineCollection } from '../../core/state/collection.js'

/** The one row that says how far the system is. */
export interface SystemMetadata {
  readonly id: string
  /** Version of the system by Semantic Versioning 2.0.0. */
  readonly version: string
  readonly backendComplete: boolean
  readonly completedAt: Date | null
  readonly notes: string | null
  /** Counts the edits of the row; `version` is the system's own. */
  readonly rowVersion: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Key of the one row. */
export const SYSTEM_METADATA_ID = 'system'

/** The collection of the one row. */
export const systemMetadata = defineCollection<SystemMetadata>({
  name: 'SystemStatus',
  pack: 'W',
  table: 'system_metadata',
  key: 'id',
  id: 'id',
  version: 'rowVersion',
  writePermission: () => 'status:write',
  fields: {
    id: 'text',
    version: 'text',
    backendComplete: 'boolean',
    completedAt: 'timestamp',
    notes: 'text',
    rowVersion: 'integer',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
  },
})
