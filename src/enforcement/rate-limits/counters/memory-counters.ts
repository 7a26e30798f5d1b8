import type { Clock } from '../../../core/platform/clock.js'
import type { Log } from '../../../core/platform/log.js'
import { areFitting, type CounterCall, type CounterReading, type Counters } from './counters.js'
import { advance, fits, type Window } from './sliding-window.js'

/** Subjects that are kept in memory at most: about 30 MB. */
const MAX_SUBJECTS = 100_000
/** The part that is let go when that is reached: looking for the least busy ones is not done for each newcomer. */
const EVICTED_PART = 0.1
/** Use is told apart up to here when the least busy subjects are looked for. */
const BUSIEST = 64

interface Entry extends Window {
  readonly windowMs: number
}

/** What counters in memory are made of. */
export interface MemoryCountersOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Pick<Log, 'warn'>
  readonly maxSubjects?: number
}

/**
 * Counters of this process alone, on the clock that never goes backwards: setting the machine's time changes nothing. A
 * restart forgets them. Memory is bounded: beyond `maxSubjects` the least busy ones are forgotten, so that whoever sends
 * from many addresses pushes out such addresses, and not those that use up their limit.
 */
export class MemoryCounters implements Counters {
  /** Subjects that were forgotten before their time. */
  evictions = 0
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #log: Pick<Log, 'warn'>
  readonly #maxSubjects: number
  readonly #entries = new Map<string, Entry>()
  #isFull = false

  constructor({ clock, log, maxSubjects = MAX_SUBJECTS }: MemoryCountersOptions) {
    this.#clock = clock
    this.#log = log
    this.#maxSubjects = maxSubjects
  }

  /** Subjects that are kept. */
  get size(): number {
    return this.#entries.size
  }

  take(calls: readonly CounterCall[], cost: number): readonly CounterReading[] {
    const nowMs = this.#clock.monotonicMs()
    const readings = this.#read(calls, { cost, nowMs })
    if (!areFitting(calls, readings)) return readings
    return readings.map((reading, index) => {
      if (!reading.isFitting) return reading
      const entry = this.#entryOf(calls[index] as CounterCall, nowMs)
      entry.current += cost
      return { ...reading, current: entry.current }
    })
  }

  look(calls: readonly CounterCall[], cost: number): readonly CounterReading[] {
    return this.#read(calls, { cost, nowMs: this.#clock.monotonicMs() })
  }

  /** Adds to what was counted, whether there is room or not; a cost below 0 gives back, as far as the window is the same still. */
  add(calls: readonly CounterCall[], cost: number): void {
    const nowMs = this.#clock.monotonicMs()
    for (const call of calls) {
      const entry = this.#entryOf(call, nowMs)
      entry.current = Math.max(0, entry.current + cost)
    }
  }

  /** Forgets subjects whose counts have faded. To be called now and then. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, { startMs, windowMs }] of this.#entries) if (nowMs - startMs >= 2 * windowMs) this.#entries.delete(key)
    if (this.#entries.size < this.#maxSubjects * (1 - EVICTED_PART)) this.#isFull = false
  }

  #read(calls: readonly CounterCall[], { cost, nowMs }: { cost: number; nowMs: number }): CounterReading[] {
    return calls.map((call) => {
      const entry = this.#entries.get(keyOf(call))
      if (entry) advance(entry, call.windowMs, nowMs)
      const count = entry ? { elapsedMs: nowMs - entry.startMs, current: entry.current, previous: entry.previous } : NOTHING
      return { ...count, isFitting: fits(count, call, cost) }
    })
  }

  #entryOf(call: CounterCall, nowMs: number): Entry {
    const key = keyOf(call)
    const known = this.#entries.get(key)
    if (known) {
      advance(known, call.windowMs, nowMs)
      return known
    }
    if (this.#entries.size >= this.#maxSubjects) this.#makeRoom()
    const entry: Entry = { startMs: nowMs, current: 0, previous: 0, windowMs: call.windowMs }
    this.#entries.set(key, entry)
    return entry
  }

  #makeRoom(): void {
    this.sweep()
    const goal = Math.floor(this.#maxSubjects * (1 - EVICTED_PART))
    let surplus = this.#entries.size - goal
    if (surplus <= 0) return
    if (!this.#isFull)
      this.#log.warn({ subjects: this.#entries.size }, 'too many subjects of rate limits: the least busy ones are forgotten')
    this.#isFull = true
    this.evictions += surplus
    const levels = new Array<number>(BUSIEST + 1).fill(0)
    for (const entry of this.#entries.values()) levels[levelOf(entry)] = (levels[levelOf(entry)] ?? 0) + 1
    for (let level = 0, below = 0; surplus > 0 && level <= BUSIEST; level += 1) {
      below = Math.min(surplus, levels[level] ?? 0)
      surplus -= below
      for (const [key, entry] of this.#entries) {
        if (below === 0) break
        if (levelOf(entry) !== level) continue
        this.#entries.delete(key)
        below -= 1
      }
    }
  }
}

const NOTHING = { elapsedMs: 0, current: 0, previous: 0 }

function keyOf({ counterId, subject }: CounterCall): string {
  return `${counterId}\u0000${subject}`
}

function levelOf({ current, previous }: Window): number {
  return Math.min(BUSIEST, current + previous)
}
