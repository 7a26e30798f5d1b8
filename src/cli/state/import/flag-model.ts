import type { StateObject, Value } from '../kinds.js'

/** One condition of a flag of ours, as the inputs have it. */
export interface FlagConstraint {
  readonly contextField: string
  readonly operator: string
  readonly values: readonly string[]
  readonly isInverted: boolean
  readonly isCaseInsensitive: boolean
}

/** One strategy of a flag of ours. */
export interface FlagStrategy {
  readonly constraints: readonly FlagConstraint[]
  readonly rolloutPercent: number
  readonly stickiness: string
  readonly groupId: string | null
}

/** One variant of a flag of ours. */
export interface FlagVariant {
  readonly name: string
  readonly weight: number
  readonly value: Value
}

/** A flag of ours, as far as it decides answers. */
export interface ConvertedFlag {
  readonly key: string
  readonly isEnabled: boolean
  readonly strategies: readonly FlagStrategy[]
  readonly variants: readonly FlagVariant[]
}

/** The largest flag that the server takes. */
export const FLAG_LIMITS = { strategies: 100, values: 1000 } as const

/** Thrown when something says what our model cannot; the message is the reason, the same for all alike. */
export class InexpressibleError extends Error {}

/** What came of a file of another system. */
export interface Imported {
  readonly flags: ReadonlyMap<string, StateObject>
  /** Names that are others here: whoever asks for the flag has to know. */
  readonly renamed: readonly { readonly name: string; readonly key: string }[]
  /** What was left out, by its name there, and why. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[]
  /** What was taken, and is not quite the same. */
  readonly warnings: readonly { readonly name: string; readonly warning: string }[]
}
