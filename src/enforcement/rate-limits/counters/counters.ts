import type { WindowCount, WindowLimit } from './sliding-window.js'

/** One counter that a call is counted in. */
export interface CounterCall extends WindowLimit {
  /** Names the rule and its window: a rule with a new window begins to count anew. */
  readonly counterId: string
  readonly subject: string
  /** Counts where there is room, and never keeps the others from counting. */
  readonly isShadow: boolean
}

/** What a counter says, after the call was counted. */
export interface CounterReading extends WindowCount {
  /** Whether the call had room in this counter (when it is only looked at: whether it would have). */
  readonly isFitting: boolean
  /** When the current window began, in milliseconds since 1970 on a clock that all replicas share; undefined without one. */
  readonly startedAtMs?: number
}

/** Where calls are counted. Readings come in the order of the calls. */
export interface Counters {
  /** Takes `cost` units from each counter, or from none when one that is not a shadow has no room. */
  take(calls: readonly CounterCall[], cost: number): readonly CounterReading[] | Promise<readonly CounterReading[]>
  /** The same without taking anything. */
  look(calls: readonly CounterCall[], cost: number): readonly CounterReading[] | Promise<readonly CounterReading[]>
}

/** Whether readings let a call through. */
export function areFitting(calls: readonly CounterCall[], readings: readonly CounterReading[]): boolean {
  return calls.every(({ isShadow }, index) => isShadow || readings[index]?.isFitting)
}
