import { areFitting, type CounterCall, type CounterReading, type Counters } from './counters.js'
import type { MemoryCounters } from './memory-counters.js'
import type { RedisCounters } from './redis-counters.js'

/**
 * Counters in Redis, with those in memory as their insurance. A call is counted in memory before Redis is asked, and given back
 * where Redis denies it; what has no room in memory is denied without asking Redis, which may have come back empty. So no process
 * lets through more than one limit in a window, however often Redis is lost and comes back, with or without what it held.
 */
export class InsuredCounters implements Counters {
  /** Calls that were counted in memory, for Redis was away. */
  insuredCalls = 0
  readonly #redis: RedisCounters
  readonly #memory: MemoryCounters

  constructor(redis: RedisCounters, memory: MemoryCounters) {
    this.#redis = redis
    this.#memory = memory
  }

  take(calls: readonly CounterCall[], cost: number): readonly CounterReading[] | Promise<readonly CounterReading[]> {
    const own = this.#memory.take(calls, cost)
    if (!this.#redis.isReachable) return this.#insured(own)
    if (!areFitting(calls, own)) return own
    return this.#redis.take(calls, cost).then(
      (readings) => {
        this.#giveBack(calls, { own, readings, cost })
        return readings
      },
      () => this.#insured(own),
    )
  }

  look(calls: readonly CounterCall[], cost: number): readonly CounterReading[] | Promise<readonly CounterReading[]> {
    if (!this.#redis.isReachable) return this.#memory.look(calls, cost)
    return this.#redis.look(calls, cost).catch(() => this.#memory.look(calls, cost))
  }

  #insured(own: readonly CounterReading[]): readonly CounterReading[] {
    this.insuredCalls += 1
    return own
  }

  /** What was counted in memory and not in Redis counts in neither. */
  #giveBack(calls: readonly CounterCall[], { own, readings, cost }: Taken): void {
    const isTaken = areFitting(calls, readings)
    const surplus = calls.filter((_, index) => own[index]?.isFitting && !(isTaken && readings[index]?.isFitting))
    if (surplus.length > 0) this.#memory.add(surplus, -cost)
  }
}

/** What memory and Redis say of the same call. */
interface Taken {
  readonly own: readonly CounterReading[]
  readonly readings: readonly CounterReading[]
  readonly cost: number
}
