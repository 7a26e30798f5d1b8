import { percentileOf } from './statistics.js'

/** What one run of a closed loop came to. */
export interface Measurement {
  /** Calls that were answered within the window. */
  readonly count: number
  readonly perSecond: number
  /** Times from call to answer, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/** How long a closed loop runs: answers count between the end of the warm-up and the end of the window; milliseconds. */
export interface Window {
  readonly warmUpMs: number
  readonly measureMs: number
}

/** Collects the times of a closed loop's calls, from the moment it is made. */
export class Stopwatch {
  readonly #fromMs: number
  readonly #untilMs: number
  readonly #timesMs: number[] = []
  #lastMs = 0

  constructor({ warmUpMs, measureMs }: Window) {
    this.#fromMs = performance.now() + warmUpMs
    this.#untilMs = this.#fromMs + measureMs
  }

  /** Whether the window is over; one in which nothing was answered goes on until the first answer. */
  get isOver(): boolean {
    return this.#timesMs.length > 0 && performance.now() >= this.#untilMs
  }

  /** Notes that a call which began at `startedAtMs` (performance.now) is answered now. */
  note(startedAtMs: number): void {
    const nowMs = performance.now()
    if (nowMs < this.#fromMs || (nowMs >= this.#untilMs && this.#timesMs.length > 0)) return
    this.#timesMs.push(nowMs - startedAtMs)
    this.#lastMs = nowMs
  }

  /** What came of it. Throws RangeError when nothing was answered. */
  result(): Measurement {
    const count = this.#timesMs.length
    const perSecond = (count * 1000) / (Math.max(this.#untilMs, this.#lastMs) - this.#fromMs)
    return { count, perSecond, p50Ms: percentileOf(this.#timesMs, 50), p99Ms: percentileOf(this.#timesMs, 99) }
  }
}
