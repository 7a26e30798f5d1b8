import { defineCollection } from '../../core/state/collection.js'
import type { Json } from '../../core/values/json.js'

/** One entry of the registry. */
export interface ConfigEntryRecord {
  readonly id: string
  readonly key: string
  /** Any JSON but null: an entry without a value is deleted. */
  readonly value: Json
  readonly description: string | null
  /** False locks the entry until it is unlocked. */
  readonly isMutable: boolean
  /** JSON Schema (draft 2020-12) that every value must fit. */
  readonly valueSchema: Json
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** All entries, by key. */
export const configEntries = defineCollection<ConfigEntryRecord>({
  name: 'ConfigEntry',
  pack: 'TZ',
  table: 'system_config',
  key: 'key',
  id: 'id',
  version: 'version',
  // Putting back what locked an entry unlocks it.
  writePermission: (_before, after) => (after?.['isMutable'] === false ? 'config:unlock' : 'config:write'),
  fields: {
    key: 'text',
    id: 'text',
    value: 'json',
    description: 'text',
    isMutable: 'boolean',
    valueSchema: 'json',
    version: 'integer',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
  },
})
