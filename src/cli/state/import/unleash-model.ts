/** A constraint as Unleash sends it; `value` for the operators that take one, `values` for those that take a list. */
export interface UnleashConstraint {
  readonly contextName: string
  readonly operator: string
  readonly values?: readonly string[]
  readonly value?: string
  readonly inverted?: boolean
  readonly caseInsensitive?: boolean
}

export interface UnleashPayload {
  readonly type: string
  readonly value: string
}

export interface UnleashVariant {
  readonly name: string
  readonly weight: number
  readonly payload?: UnleashPayload
  readonly stickiness?: string
  readonly overrides?: readonly unknown[]
}

/** What the strategies of the suite take; which of these depends on the strategy's name. */
interface UnleashParameters {
  readonly userIds?: string
  readonly IPs?: string
  readonly rollout?: string
  readonly percentage?: string
  readonly stickiness?: string
  readonly groupId?: string
}

export interface UnleashStrategy {
  readonly name: string
  readonly parameters?: UnleashParameters
  readonly constraints?: readonly UnleashConstraint[]
  readonly segments?: readonly number[]
  readonly variants?: readonly UnleashVariant[]
}

export interface UnleashFeature {
  readonly name: string
  readonly enabled: boolean
  readonly strategies?: readonly UnleashStrategy[]
  readonly variants?: readonly UnleashVariant[]
  readonly dependencies?: readonly unknown[]
}

export interface UnleashSegment {
  readonly id: number
  readonly constraints: readonly UnleashConstraint[]
}

/** What a client knows: the whole of `state`, or what is left after its events. */
export interface UnleashState {
  readonly features: ReadonlyMap<string, UnleashFeature>
  readonly segments: ReadonlyMap<number, UnleashSegment>
}
