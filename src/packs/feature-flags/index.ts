import type { Pack } from '../../core/contract/pack.js'
import { EvaluationResolver } from './evaluation/evaluation.resolver.js'
import { featureFlagCollection } from './feature-flag.collection.js'
import { deleteFeatureFlag, setFeatureFlag } from './feature-flag.commands.js'
import { DeleteFeatureFlagInput, SetFeatureFlagInput } from './feature-flag.inputs.js'
import { FeatureFlagResolver } from './feature-flag.resolver.js'

/** UA: switches that applications ask about. */
export const featureFlags: Pack = {
  id: 'UA',
  collections: [featureFlagCollection],
  permissions: { 'flags:evaluate': 'EVALUATOR', 'flags:read': 'OBSERVER', 'flags:write': 'OPERATOR' },
  steps: [
    { name: setFeatureFlag.name, input: SetFeatureFlagInput, description: 'Makes a flag or changes it.', command: () => setFeatureFlag },
    { name: deleteFeatureFlag.name, input: DeleteFeatureFlagInput, description: 'Deletes a flag.', command: () => deleteFeatureFlag },
  ],
  resolvers: (core) => [new FeatureFlagResolver(core), new EvaluationResolver(core)],
}
