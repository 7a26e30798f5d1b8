import { SERIAL } from './load.js'
import type { BuiltServer } from './servers/built-server.js'

interface Strategy {
  readonly rolloutPercent: number
  readonly stickiness: string
  readonly groupId: string
  readonly constraints: readonly {
    readonly contextField: string
    readonly operator: string
    readonly values: readonly string[]
    readonly isInverted: boolean
    readonly isCaseInsensitive: boolean
  }[]
}

/** A flag as it is set, here and in a peer. */
export interface BenchFlag {
  readonly key: string
  readonly group: string
  readonly description: string
  readonly isEnabled: boolean
  readonly strategies: readonly Strategy[]
}

const two = (index: number): string => String(index).padStart(2, '0')

const constraint = (contextField: string, operator: string, values: readonly string[]) => ({
  ...{ contextField, operator, values, isInverted: false, isCaseInsensitive: false },
})

/** Strategies as people write them: a group of testers, a partial rollout of new versions, and everybody at one firm. */
function strategiesOf(key: string): Strategy[] {
  const common = { stickiness: 'sessionId', groupId: key }
  return [
    {
      ...{ ...common, rolloutPercent: 100 },
      constraints: [constraint('country', 'IN', ['DE', 'FR', 'IT', 'ES', 'NL']), constraint('plan', 'IN', ['beta', 'internal'])],
    },
    { ...common, rolloutPercent: 50, constraints: [constraint('appVersion', 'SEMVER_GT', ['2.3.0'])] },
    { ...common, rolloutPercent: 100, constraints: [constraint('email', 'STR_ENDS_WITH', ['@acme.example'])] },
  ]
}

/** Fifty flags of each kind that people have: on for all, off, a share of sessions, and three strategies with constraints. */
export const FLAGS: readonly BenchFlag[] = Array.from({ length: 50 }, (_, index) => {
  const key = `bench-${two(index)}`
  const share: Strategy = { rolloutPercent: 10 + index, stickiness: 'sessionId', groupId: key, constraints: [] }
  const strategies = [[], [], [share], strategiesOf(key), strategiesOf(key)][index % 5] ?? []
  return { key, group: 'bench', description: `Flag number ${index} of the benchmark`, isEnabled: index % 5 !== 1, strategies }
})

/** One with three strategies. */
export const TARGETED_KEY = 'bench-03'

/** Flags to be switched off and on; on between runs. */
export const TOGGLED_KEYS: readonly string[] = Array.from({ length: 256 }, (_, index) => `toggled-${index}`)

/**
 * Sessions of every kind that the strategies tell apart. The user is another one in every request, and no strategy asks for it: so
 * each context is new, and what is right for it is known.
 */
export const CONTEXTS = Array.from({ length: 100 }, (_, index) => ({
  userId: `user-${SERIAL}`,
  sessionId: `session-${index}`,
  environment: 'development',
  appName: 'shop',
  properties: {
    country: index % 3 === 0 ? 'DE' : 'US',
    plan: index % 5 === 0 ? 'beta' : 'free',
    appVersion: `2.${index % 6}.1`,
    email: `${index}@${index % 7 === 0 ? 'acme' : 'other'}.example`,
  },
}))

const SET = 'mutation ($input: SetFeatureFlagInput!) { setFeatureFlag(input: $input) { userErrors { message } } }'

/** Makes {@link FLAGS} on a new server. */
export function makeFlags(server: BuiltServer): Promise<void> {
  return setAll(server, FLAGS)
}

/** Makes the flags of {@link TOGGLED_KEYS}. */
export function makeToggled(server: BuiltServer): Promise<void> {
  return setAll(
    server,
    TOGGLED_KEYS.map((key) => ({ key, isEnabled: true })),
  )
}

async function setAll(server: BuiltServer, inputs: readonly object[]): Promise<void> {
  for (const input of inputs) {
    const { setFeatureFlag } = await server.ask<{ setFeatureFlag: { userErrors: readonly { message: string }[] } }>(SET, { input })
    if (setFeatureFlag.userErrors.length > 0) throw new Error(`a flag was refused: ${JSON.stringify(setFeatureFlag.userErrors)}`)
  }
}

/** Rules that fit every request of the benchmark, and never deny one. */
const RULES = ['GLOBAL', 'IP', 'API_KEY'] as const
const SET_RULE = `mutation ($scope: RateLimitScope!, $isEnabled: Boolean!) {
  setRateLimitRule(input: { scope: $scope, windowSeconds: 60, maxRequests: 1000000000, isEnabled: $isEnabled }) { userErrors { message } }
}`

/** Switches three rate limit rules on or off. */
export async function setRules(server: BuiltServer, isEnabled: boolean): Promise<void> {
  for (const scope of RULES) await server.ask(SET_RULE, { scope, isEnabled })
}
