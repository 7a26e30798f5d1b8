import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { type Edit, edited } from '../../core/state/collection.js'
import { type Command, done, refused } from '../../core/state/command.js'
import { findVersionFaults } from '../../core/state/expectations.js'
import { findNullFaults } from '../../core/values/faults.js'
import { validateKey } from '../../core/values/key.js'
import { findTextFaults } from '../../core/values/text.js'
import type { FlagStrategy, FlagVariant } from './evaluation/evaluation.js'
import { type FeatureFlagRecord, featureFlagCollection } from './feature-flag.collection.js'
import type { FlagStrategyInput, FlagVariantInput, SetFeatureFlagInput } from './feature-flag.inputs.js'
import { validateStrategies, validateVariants } from './flag-validation.js'

/** The group of a flag that names none. */
export const DEFAULT_GROUP = 'default'
/** Longest group, in characters. */
const MAX_GROUP_LENGTH = 100

function toStrategy(input: FlagStrategyInput): FlagStrategy {
  return {
    constraints: (input.constraints ?? []).map(({ contextField, operator, values, isInverted, isCaseInsensitive }) => {
      return { contextField, operator, values, isInverted: isInverted ?? false, isCaseInsensitive: isCaseInsensitive ?? false }
    }),
    rolloutPercent: input.rolloutPercent ?? 100,
    stickiness: input.stickiness ?? 'default',
    groupId: input.groupId ?? null,
  }
}

function toVariant({ name, weight, value }: FlagVariantInput): FlagVariant {
  return { name, weight, value: value ?? null }
}

function findFaults(input: SetFeatureFlagInput, given: Pick<Edit<FeatureFlagRecord>['given'], 'strategies' | 'variants'>): UserErrorData[] {
  const faults = [...validateKey(input.key, ['key']), ...findTextFaults(input.description, ['description'])]
  faults.push(...findNullFaults(input, ['isEnabled']))
  if (input.group === '')
    faults.push(userError('REQUIRED', ['group'], `The group must not be empty; leave it out, or give null for "${DEFAULT_GROUP}".`))
  faults.push(...findTextFaults(input.group, ['group'], MAX_GROUP_LENGTH))
  faults.push(...validateStrategies(given.strategies ?? [], ['strategies']))
  faults.push(...validateVariants(given.variants ?? [], ['variants']))
  return faults
}

/** Makes a flag, or changes what the input names. A new flag is enabled, in group `default`, for everybody. */
export const setFeatureFlag: Command<SetFeatureFlagInput, FeatureFlagRecord> = {
  name: 'setFeatureFlag',
  isRevertible: true,
  run(draft, input, { now, newId }) {
    const before = draft.get(featureFlagCollection, input.key)
    const given = {
      ...input,
      strategies: input.strategies === null ? [] : input.strategies?.map(toStrategy),
      variants: input.variants === null ? [] : input.variants?.map(toVariant),
    }
    const faults = [...findFaults(input, given), ...findVersionFaults(featureFlagCollection, before, input.expectedVersion)]
    if (faults.length > 0) return refused(...faults)
    const blank = { id: newId(), key: input.key, group: DEFAULT_GROUP, description: null, isEnabled: true, strategies: [], variants: [] }
    const after = edited(featureFlagCollection, { before, blank, given, now })
    draft.put(featureFlagCollection, after)
    return done(after)
  },
}
