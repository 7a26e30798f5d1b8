import type { FlagConstraint, FlagStrategy } from '../../src/packs/feature-flags/evaluation/evaluation.js'

/** A constraint that holds in Norway. */
export const constraintOf = (over: Partial<FlagConstraint> = {}): FlagConstraint => ({
  contextField: 'country',
  operator: 'IN',
  values: ['no'],
  isInverted: false,
  isCaseInsensitive: false,
  ...over,
})

/** A strategy that holds for everybody. */
export const strategyOf = (over: Partial<FlagStrategy> = {}): FlagStrategy => ({
  constraints: [],
  rolloutPercent: 100,
  stickiness: 'default',
  groupId: null,
  ...over,
})
