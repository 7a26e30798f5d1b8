import type { Pack } from '../../core/pack.js'
import { EvaluationResolver } from './evaluation.resolver.js'
import { featureFlagCollection } from './feature-flag.collection.js'
import { FeatureFlagResolver } from './feature-flag.resolver.js'

/** UA: switches that applications ask about. */
export const featureFlags: Pack = {
  id: 'UA',
  collections: [featureFlagCollection],
  permissions: { 'flags:evaluate': 'EVALUATOR', 'flags:read': 'OBSERVER', 'flags:write': 'OPERATOR' },
  resolvers: (core) => [new FeatureFlagResolver(core), new EvaluationResolver(core)],
}
