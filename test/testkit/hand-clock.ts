import type { Clock } from '../../src/core/platform/clock.js'

const START_MS = Date.parse('2026-01-01T00:00:00.000Z')

/** A clock that stands still until it is moved. */
export class HandClock implements Clock {
  wallMs = START_MS
  upMs = 1_000

  now(): Date {
    return new Date(this.wallMs)
  }

  monotonicMs(): number {
    return this.upMs
  }

  /** Lets time pass, on both clocks. */
  pass(ms: number): void {
    this.wallMs += ms
    this.upMs += ms
  }
}
