import { boolean, defineCollection, editFields, json, newestFirst, nullable, type RecordOf, text } from '../../core/state/collection.js'
import type { FlagStrategy, FlagVariant } from './evaluation/evaluation.js'

/** To ask whether flags are on. */
export const FLAGS_EVALUATE = 'flags:evaluate'
/** To be told in an evaluation which of a flag's rules decided. */
export const FLAGS_EXPLAIN = 'flags:explain'
/** To see flags and their rules. */
export const FLAGS_READ = 'flags:read'
/** To make, change and delete flags. */
export const FLAGS_WRITE = 'flags:write'

const fields = {
  key: text(),
  id: text(),
  group: text(),
  description: nullable(text()),
  isEnabled: boolean(),
  strategies: json<readonly FlagStrategy[]>(),
  variants: json<readonly FlagVariant[]>(),
  ...editFields,
}

/** One feature flag. */
export type FeatureFlagRecord = RecordOf<typeof fields>

/** All feature flags, by key. */
export const featureFlagCollection = defineCollection<FeatureFlagRecord>({
  name: 'FeatureFlag',
  table: 'feature_flags',
  key: 'key',
  id: 'id',
  version: 'version',
  writePermission: FLAGS_WRITE,
  exported: { section: 'flags', fields: ['group', 'description', 'isEnabled', 'strategies', 'variants'] },
  searched: { kind: 'FLAG', titleOf: ({ key }) => key, subtitleOf: ({ description }) => description },
  fields,
  listings: { group: ({ group }) => group, updatedAt: ({ updatedAt }) => newestFirst(updatedAt) },
})
