/** Where time comes from. Only this file reads the machine's clock; everything else is given one. */
export interface Clock {
  /** The wall-clock time. */
  now(): Date
  /** Milliseconds that never go backwards, for measuring durations. */
  monotonicMs(): number
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
}
