import { definePack } from '../../core/contract/pack.js'
import { EvaluationResolver } from './evaluation/evaluation.resolver.js'
import { evaluationMeasures } from './evaluation/evaluation-tally.js'
import { FLAGS_EVALUATE, FLAGS_EXPLAIN, FLAGS_READ, FLAGS_WRITE, featureFlagCollection } from './feature-flag.collection.js'
import { FeatureFlagResolver } from './feature-flag.resolver.js'
import { featureFlagWrites } from './feature-flag.writes.js'

/** UA: switches that applications ask about. */
export const featureFlags = definePack({
  id: 'UA',
  collections: [featureFlagCollection],
  permissions: { [FLAGS_EVALUATE]: 'EVALUATOR', [FLAGS_EXPLAIN]: 'OBSERVER', [FLAGS_READ]: 'OBSERVER', [FLAGS_WRITE]: 'OPERATOR' },
  writes: featureFlagWrites,
  resolvers: [FeatureFlagResolver, EvaluationResolver],
  measures: evaluationMeasures,
})
