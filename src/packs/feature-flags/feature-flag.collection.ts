import { defineCollection } from '../../core/state/collection.js'
import type { EvaluableFlag } from './evaluation/evaluation.js'

/** One feature flag. */
export interface FeatureFlagRecord extends EvaluableFlag {
  readonly id: string
  readonly group: string
  readonly description: string | null
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** All feature flags, by key. */
export const featureFlagCollection = defineCollection<FeatureFlagRecord>({
  name: 'FeatureFlag',
  pack: 'UA',
  table: 'feature_flags',
  key: 'key',
  id: 'id',
  version: 'version',
  writePermission: () => 'flags:write',
  fields: {
    key: 'text',
    id: 'text',
    group: 'text',
    description: 'text',
    isEnabled: 'boolean',
    strategies: 'json',
    variants: 'json',
    version: 'integer',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
  },
})
