/** A JSON value of a state file. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [member: string]: Value }

/** One object of a state, whole or as a file has it. */
export type StateObject = Readonly<Record<string, Value>>

/** The parts of a state file, in the order in which they are written. */
export const KINDS = ['flags', 'configs', 'rateLimits', 'smokeChecks'] as const
export type Kind = (typeof KINDS)[number]

/** What is known of one kind of objects; the fields themselves are those of the input. */
export interface KindSpec {
  /** The value of the schema's enum StateKind. */
  readonly stateKind: 'FLAGS' | 'CONFIGS' | 'RATE_LIMITS' | 'SMOKE_CHECKS'
  readonly targetType: string
  /** The step that makes and changes an object, and its input. */
  readonly step: string
  readonly input: string
  readonly deletion: string
  /** The fields of the input that the key of the object stands for. */
  readonly keyFields: readonly string[]
  /** What a field is that the file leaves out: as the mutation has it for a new object. */
  readonly defaults: (object: StateObject) => StateObject
  /** Fields that have no default. */
  readonly required: readonly string[]
}

/** Everything about the kinds. */
export const KIND_SPECS: Readonly<Record<Kind, KindSpec>> = {
  flags: {
    stateKind: 'FLAGS',
    targetType: 'FeatureFlag',
    step: 'setFeatureFlag',
    input: 'SetFeatureFlagInput',
    deletion: 'deleteFeatureFlag',
    keyFields: ['key'],
    defaults: () => ({ isEnabled: true, group: 'default', description: null, strategies: [], variants: [] }),
    required: [],
  },
  configs: {
    stateKind: 'CONFIGS',
    targetType: 'ConfigEntry',
    step: 'setConfig',
    input: 'SetConfigInput',
    deletion: 'deleteConfig',
    keyFields: ['key'],
    defaults: () => ({ description: null, isMutable: true, valueSchema: null }),
    required: ['value'],
  },
  rateLimits: {
    stateKind: 'RATE_LIMITS',
    targetType: 'RateLimitRule',
    step: 'setRateLimitRule',
    input: 'SetRateLimitRuleInput',
    deletion: 'deleteRateLimitRule',
    keyFields: ['scope', 'key'],
    defaults: () => ({ windowSeconds: 60, maxRequests: 60, isEnabled: true, isShadow: false, description: null }),
    required: [],
  },
  smokeChecks: {
    stateKind: 'SMOKE_CHECKS',
    targetType: 'SmokeCheck',
    step: 'setSmokeCheck',
    input: 'SetSmokeCheckInput',
    deletion: 'deleteSmokeCheck',
    keyFields: ['name'],
    defaults: ({ kind }) => ({
      ...(kind === 'GRAPHQL' ? { path: '/graphql' } : {}),
      ...{ query: null, expectStatus: 200, expectBody: null, maxLatencyMs: null, isBlocking: true, isEnabled: true },
    }),
    required: ['kind'],
  },
}

/** Fields of the inputs that are about one change, not about the object. */
export const OF_A_CHANGE: ReadonlySet<string> = new Set(['expectedVersion', 'reason'])

/** The first line of every state file. */
export const API_VERSION = 'valhalla/v1'
