import { deletion, write } from '../../core/graphql/write.js'
import { FLAGS_WRITE, featureFlagCollection } from './feature-flag.collection.js'
import { setFeatureFlag } from './feature-flag.commands.js'
import { SetFeatureFlagInput } from './feature-flag.inputs.js'
import { FeatureFlag } from './feature-flag.types.js'

/** Everything that can change flags. */
export const featureFlagWrites = [
  write({
    command: setFeatureFlag,
    input: SetFeatureFlagInput,
    permission: FLAGS_WRITE,
    description: 'Makes a flag or changes it. Setting what is already there changes nothing.',
    takes: 'The key, and what is to be changed.',
    step: 'Makes a flag or changes it.',
    returns: { field: 'featureFlag', type: () => FeatureFlag, description: 'The flag as it is now; null when there are user errors.' },
  }),
  // From then on, whoever asks for it gets their own default.
  deletion({
    name: 'deleteFeatureFlag',
    collection: featureFlagCollection,
    noun: 'flag',
    permission: FLAGS_WRITE,
    description: 'Deletes a flag. Its history stays in the change log.',
    about: 'Deletes a flag. Callers then get their own default.',
    takes: 'The key.',
    step: 'Deletes a flag.',
  }),
]
