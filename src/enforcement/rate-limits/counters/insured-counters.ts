import type { CounterCall, CounterReading, Counters } from './counters.js'
import type { MemoryCounters } from './memory-counters.js'
import type { RedisCounters } from './redis-counters.js'

/**
 * Counters in Redis, with those in memory as their insurance. What Redis lets through is counted in memory too, so that a
 * process that loses Redis knows what it has let through itself: an outage lets through at most one more limit for each
 * process, however often it happens within a window.
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
    if (!this.#redis.isReachable) return this.#insure(calls, cost)
    return this.#redis.take(calls, cost).then(
      (readings) => {
        this.#mirror(calls, readings, cost)
        return readings
      },
      () => this.#insure(calls, cost),
    )
  }

  look(calls: readonly CounterCall[], cost: number): readonly CounterReading[] | Promise<readonly CounterReading[]> {
    if (!this.#redis.isReachable) return this.#memory.look(calls, cost)
    return this.#redis.look(calls, cost).catch(() => this.#memory.look(calls, cost))
  }

  #insure(calls: readonly CounterCall[], cost: number): readonly CounterReading[] {
    this.insuredCalls += 1
    return this.#memory.take(calls, cost)
  }

  #mirror(calls: readonly CounterCall[], readings: readonly CounterReading[], cost: number): void {
    if (calls.some(({ isShadow }, index) => !isShadow && !readings[index]?.isFitting)) return
    this.#memory.add(
      calls.filter((_, index) => readings[index]?.isFitting),
      cost,
    )
  }
}
