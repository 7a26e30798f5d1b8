import { boolean, defineCollection, editFields, json, newestFirst, nullable, type RecordOf, text } from '../../core/state/collection.js'
import type { Json } from '../../core/values/json.js'

/** To see entries. */
export const CONFIG_READ = 'config:read'
/** To make, change and delete entries that are not locked. */
export const CONFIG_WRITE = 'config:write'
/** To unlock entries. */
export const CONFIG_UNLOCK = 'config:unlock'

const fields = {
  key: text(),
  id: text(),
  /** Any JSON but null: an entry without a value is deleted. */
  value: json<Json>(),
  description: nullable(text()),
  /** False locks the entry until it is unlocked. */
  isMutable: boolean(),
  /** JSON Schema (draft 2020-12) that every value must fit. */
  valueSchema: nullable(json<Json>()),
  ...editFields,
}

/** One entry of the registry. */
export type ConfigEntryRecord = RecordOf<typeof fields>

/** All entries, by key. */
export const configEntryCollection = defineCollection<ConfigEntryRecord>({
  name: 'ConfigEntry',
  table: 'system_config',
  key: 'key',
  id: 'id',
  version: 'version',
  // Putting back what locked an entry unlocks it.
  writePermission: (_before, after) => (after?.['isMutable'] === false ? CONFIG_UNLOCK : CONFIG_WRITE),
  exported: { section: 'configs', fields: ['value', 'description', 'isMutable', 'valueSchema'] },
  searched: { kind: 'CONFIG', titleOf: ({ key }) => key, subtitleOf: ({ description }) => description },
  fields,
  listings: { updatedAt: ({ updatedAt }) => newestFirst(updatedAt) },
})
