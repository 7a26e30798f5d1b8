import type { EvaluationContext, FlagStrategy } from '../src/packs/feature-flags/evaluation/evaluation.js'
import type { BuiltServer } from './built-server.js'

/** Flags of each kind. */
const COUNT = 100

const names = (kind: string): string[] => Array.from({ length: COUNT }, (_, index) => `${kind}-${String(index).padStart(2, '0')}`)

/** Flags without strategies that nobody changes; every other one is off. */
export const PLAIN_FLAGS: readonly { readonly key: string; readonly isEnabled: boolean }[] = names('plain').map((key, index) => ({
  key,
  isEnabled: index % 2 === 0,
}))

/** Flags to be switched off and on; on between runs. */
export const TOGGLED_KEYS: readonly string[] = names('toggled')

const isAnyOf = { operator: 'IN', isInverted: false, isCaseInsensitive: false } as const

/** Strategies as people write them: a group of testers, a partial rollout of new versions, and everybody at one firm. */
const STRATEGIES: readonly FlagStrategy[] = [
  {
    constraints: [
      { ...isAnyOf, contextField: 'country', values: ['DE', 'FR', 'IT', 'ES', 'NL'] },
      { ...isAnyOf, contextField: 'plan', values: ['beta', 'internal'] },
    ],
    rolloutPercent: 100,
    stickiness: 'default',
    groupId: null,
  },
  {
    constraints: [{ ...isAnyOf, contextField: 'appVersion', operator: 'SEMVER_GT', values: ['2.3.0'] }],
    rolloutPercent: 50,
    stickiness: 'default',
    groupId: null,
  },
  {
    constraints: [{ ...isAnyOf, contextField: 'userId', operator: 'STR_ENDS_WITH', values: ['@acme.example'] }],
    rolloutPercent: 100,
    stickiness: 'default',
    groupId: null,
  },
]

/** A flag whose answer depends on the context. */
export const TARGETED_FLAG = { key: 'targeted', isEnabled: true, strategies: STRATEGIES, variants: [] }

/** Users of every kind that the strategies tell apart. */
export const CONTEXTS: readonly EvaluationContext[] = Array.from({ length: COUNT }, (_, index) => ({
  userId: `user-${index}@${index % 7 === 0 ? 'acme' : 'other'}.example`,
  environment: 'production',
  appName: 'shop',
  properties: {
    country: index % 3 === 0 ? 'DE' : 'US',
    plan: index % 5 === 0 ? 'beta' : 'free',
    appVersion: `2.${index % 6}.1`,
  },
}))

const SET = 'mutation ($input: SetFeatureFlagInput!) { setFeatureFlag(input: $input) { userErrors { message } } }'

/** Makes all of these flags on a new server. */
export async function makeFlags(server: BuiltServer): Promise<void> {
  const toggled = TOGGLED_KEYS.map((key) => ({ key, isEnabled: true }))
  const inputs = [...PLAIN_FLAGS, ...toggled, TARGETED_FLAG]
  const answers = await Promise.all(
    inputs.map((input) => server.ask<{ setFeatureFlag: { userErrors: readonly { message: string }[] } }>(SET, { input })),
  )
  const faults = answers.flatMap(({ setFeatureFlag }) => setFeatureFlag.userErrors.map(({ message }) => message))
  if (faults.length > 0) throw new Error(`flags were refused: ${faults.join('; ')}`)
}
