import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { revise, seal } from '../../core/state/collection.js'
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

/** What the input says about the flag: what is left out is not in it, null is the default. */
function patchOf(input: SetFeatureFlagInput): Partial<FeatureFlagRecord> {
  return {
    ...(input.isEnabled === undefined || input.isEnabled === null ? {} : { isEnabled: input.isEnabled }),
    ...(input.group === undefined ? {} : { group: input.group ?? DEFAULT_GROUP }),
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.strategies === undefined ? {} : { strategies: (input.strategies ?? []).map(toStrategy) }),
    ...(input.variants === undefined ? {} : { variants: (input.variants ?? []).map(toVariant) }),
  }
}

function findFaults(input: SetFeatureFlagInput, patch: Partial<FeatureFlagRecord>): UserErrorData[] {
  const faults = [...validateKey(input.key, ['key']), ...findTextFaults(input.description, ['description'])]
  faults.push(...findNullFaults(input, ['isEnabled']))
  if (patch.group === '')
    faults.push(userError('REQUIRED', ['group'], `The group must not be empty; leave it out, or give null for "${DEFAULT_GROUP}".`))
  faults.push(...findTextFaults(patch.group, ['group'], MAX_GROUP_LENGTH))
  faults.push(...validateStrategies(patch.strategies ?? [], ['strategies']))
  faults.push(...validateVariants(patch.variants ?? [], ['variants']))
  return faults
}

/** Makes a flag, or changes what the input names. A new flag is enabled, in group `default`, for everybody. */
export const setFeatureFlag: Command<SetFeatureFlagInput, FeatureFlagRecord> = {
  name: 'setFeatureFlag',
  isRevertible: true,
  run(draft, input, { now, newId }) {
    const before = draft.get(featureFlagCollection, input.key)
    const patch = patchOf(input)
    const faults = [...findFaults(input, patch), ...findVersionFaults(featureFlagCollection, before, input.expectedVersion)]
    if (faults.length > 0) return refused(...faults)
    const blank = { id: newId(), key: input.key, group: DEFAULT_GROUP, description: null, isEnabled: true, strategies: [], variants: [] }
    const after = before
      ? revise(featureFlagCollection, before, { patch, now })
      : seal(featureFlagCollection, { ...blank, ...patch, version: 1, createdAt: now, updatedAt: now })
    draft.put(featureFlagCollection, after)
    return done(after)
  },
}
