import type { CoreServices } from '../contract/core-services.js'
import type { Clock } from '../platform/clock.js'

const MINUTE_MS = 60_000
/** Minutes that are kept: 24 hours. */
const MINUTES = 1_440
/** Durations are counted in classes, each of them this much longer than the one before it: so far off a percentile can be. */
const GROWTH = 1.1
/** Upper end of the first class, in milliseconds; the last one ends at two minutes. */
const SHORTEST_MS = 0.01
const CLASSES = 172

/** What came of one request: the names that its outcome has in the metrics. */
export interface RatedRequest {
  readonly outcome: string
  /** Left out for what was refused before it was looked at. */
  readonly durationSeconds?: number
}

/** Counts of requests. */
interface Counts {
  requests: number
  userErrors: number
  denied: number
  rateLimited: number
  failed: number
}

/** The requests of one step of time. Durations are in milliseconds, null without any. */
export interface RequestRate extends Readonly<Counts> {
  readonly at: Date
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

interface Minute extends Counts {
  /** Since 1970. */
  readonly number: number
  /** How many requests took how long, by class. */
  readonly durations: Uint32Array
}

/** What an outcome that is not `ok` counts as; anything else is what its caller can mend. */
const KIND_OF: Readonly<Record<string, keyof Counts>> = {
  UNAUTHENTICATED: 'denied',
  FORBIDDEN: 'denied',
  MAINTENANCE: 'denied',
  RATE_LIMITED: 'rateLimited',
  UNAVAILABLE: 'failed',
  INTERNAL_SERVER_ERROR: 'failed',
}

/** The requests of this process by the minute, for 24 hours. To note one costs a logarithm and a few additions. */
export class RequestRates {
  readonly #clock: Clock
  #startedAtMs: number
  readonly #minutes = new Array<Minute | undefined>(MINUTES)

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAtMs = clock.now().getTime()
  }

  note({ outcome, durationSeconds }: RatedRequest): void {
    const nowMs = this.#clock.now().getTime()
    // A clock that is set back goes behind the start.
    if (nowMs < this.#startedAtMs) this.#startedAtMs = nowMs
    const minute = this.#minuteAt(Math.floor(nowMs / MINUTE_MS))
    minute.requests += 1
    if (outcome !== 'ok') minute[KIND_OF[outcome] ?? 'userErrors'] += 1
    if (durationSeconds === undefined) return
    const place = classOf(durationSeconds * 1_000)
    minute.durations[place] = (minute.durations[place] ?? 0) + 1
  }

  /** Every step from that of `since` on up to now, the oldest first, as far as this process reaches back; `stepSeconds` is whole minutes. */
  since(since: Date | null, stepSeconds: number): RequestRate[] {
    const now = Math.floor(this.#clock.now().getTime() / MINUTE_MS)
    const first = Math.max(now - MINUTES + 1, Math.floor(Math.max(since?.getTime() ?? 0, this.#startedAtMs) / MINUTE_MS))
    const steps: RequestRate[] = []
    const minutesPerStep = stepSeconds / 60
    for (let step = Math.floor(first / minutesPerStep); step * minutesPerStep <= now; step += 1) {
      const minutes = Array.from({ length: minutesPerStep }, (_, index) => step * minutesPerStep + index).flatMap((number) => {
        const minute = number < first ? undefined : this.#minutes[number % MINUTES]
        return minute?.number === number ? [minute] : []
      })
      steps.push(rateOf(new Date(step * minutesPerStep * MINUTE_MS), minutes))
    }
    return steps
  }

  #minuteAt(number: number): Minute {
    const there = this.#minutes[number % MINUTES]
    if (there?.number === number) return there
    const minute = { number, ...NONE, durations: new Uint32Array(CLASSES) }
    this.#minutes[number % MINUTES] = minute
    return minute
  }
}

const NONE: Readonly<Counts> = { requests: 0, userErrors: 0, denied: 0, rateLimited: 0, failed: 0 }
const LOG_GROWTH = Math.log(GROWTH)

function classOf(ms: number): number {
  return Math.min(CLASSES - 1, Math.max(0, Math.ceil(Math.log(ms / SHORTEST_MS) / LOG_GROWTH)))
}

function rateOf(at: Date, minutes: readonly Minute[]): RequestRate {
  const counts = { ...NONE }
  const durations = new Uint32Array(CLASSES)
  for (const minute of minutes) {
    for (const name of Object.keys(NONE) as (keyof Counts)[]) counts[name] += minute[name]
    for (const [place, count] of minute.durations.entries()) durations[place] = (durations[place] ?? 0) + count
  }
  return { at, ...counts, p50Ms: percentileOf(durations, 0.5), p99Ms: percentileOf(durations, 0.99) }
}

/** The end of the class below which (itself included) this share of requests is, to three digits. */
function percentileOf(durations: Uint32Array, share: number): number | null {
  let left = Math.ceil(durations.reduce((sum, count) => sum + count, 0) * share)
  if (left === 0) return null
  const place = durations.findIndex((count) => {
    left -= count
    return left <= 0
  })
  return Number((SHORTEST_MS * GROWTH ** place).toPrecision(3))
}

/** The rates of a server. */
export const requestRates = ({ clock }: CoreServices): RequestRates => new RequestRates(clock)
