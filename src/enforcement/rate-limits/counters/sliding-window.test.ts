import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HandClock } from '../../../../test/testkit/hand-clock.js'
import { redisNamespace, TEST_REDIS_URL } from '../../../../test/testkit/redis.js'
import { createLog } from '../../../core/platform/log.js'
import type { CounterCall, CounterReading } from './counters.js'
import { MemoryCounters } from './memory-counters.js'
import { readingsOf } from './redis-counters.js'
import { TAKE_SCRIPT } from './redis-script.js'
import { fits, remainingUnits, waitMs } from './sliding-window.js'

const log = createLog({ logLevel: 'silent' })

/** One call after a pause. */
interface Step {
  readonly pauseMs: number
  readonly cost: number
}

const windows = fc.record({ windowMs: fc.integer({ min: 1, max: 1_000 }), max: fc.integer({ min: 1, max: 20 }) })
const stepsOf = fc.array(
  fc.record({
    pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 3_000 })),
    cost: fc.integer({ min: 1, max: 6 }),
  }),
  { maxLength: 60 },
)

/** The rule by its words: every accepted unit is remembered, and counted anew for each call. */
class Model {
  readonly #taken: { readonly atMs: number; readonly cost: number }[] = []
  #startMs = 0

  take(atMs: number, cost: number, { windowMs, max }: { windowMs: number; max: number }): boolean {
    const sum = (fromMs: number, toMs: number) =>
      this.#taken.filter((each) => each.atMs >= fromMs && each.atMs < toMs).reduce((units, each) => units + each.cost, 0)
    while (this.#startMs + windowMs <= atMs) this.#startMs += windowMs
    const current = sum(this.#startMs, Number.POSITIVE_INFINITY)
    const previous = sum(this.#startMs - windowMs, this.#startMs)
    // The first unit after nothing at all begins a window.
    if (current + previous === 0) this.#startMs = atMs
    const isAccepted = current + previous * (1 - (atMs - this.#startMs) / windowMs) + cost <= max
    if (isAccepted) this.#taken.push({ atMs, cost })
    return isAccepted
  }
}

function modelled(steps: readonly Step[], limit: { windowMs: number; max: number }): boolean[] {
  const model = new Model()
  let atMs = 1_000_000
  return steps.map(({ pauseMs, cost }) => {
    atMs += pauseMs
    return model.take(atMs, cost, limit)
  })
}

const callOf = (limit: { windowMs: number; max: number }): CounterCall => ({ counterId: 'c', subject: 's', isShadow: false, ...limit })

describe('a sliding window', () => {
  it('in memory accepts just what the formula accepts', () => {
    fc.assert(
      fc.property(windows, stepsOf, (limit, steps) => {
        const clock = new HandClock()
        const counters = new MemoryCounters({ clock, log })
        const accepted = steps.map(({ pauseMs, cost }) => {
          clock.pass(pauseMs)
          return counters.take([callOf(limit)], cost)[0]?.isFitting
        })
        expect(accepted).toEqual(modelled(steps, limit))
      }),
      { numRuns: 300 },
    )
  })

  it('never lets more through in one window of the clock than its limit, nor in any window more than twice', () => {
    fc.assert(
      fc.property(windows, stepsOf, (limit, steps) => {
        const clock = new HandClock()
        const counters = new MemoryCounters({ clock, log })
        const taken: { atMs: number; cost: number }[] = []
        for (const { pauseMs, cost } of steps) {
          clock.pass(pauseMs)
          const [reading] = counters.take([callOf(limit)], cost)
          expect(reading?.current).toBeLessThanOrEqual(limit.max)
          if (reading?.isFitting) taken.push({ atMs: clock.upMs, cost })
        }
        for (const { atMs } of taken) {
          const inWindow = taken
            .filter((each) => each.atMs >= atMs && each.atMs < atMs + limit.windowMs)
            .reduce((sum, { cost }) => sum + cost, 0)
          expect(inWindow).toBeLessThanOrEqual(2 * limit.max)
        }
      }),
    )
  })

  it('lets in whoever waits as long as it is told, and tells what never fits', () => {
    const counts = fc.record({ part: fc.double({ min: 0, max: 0.999, noNaN: true }), current: fc.nat(30), previous: fc.nat(30) })
    fc.assert(
      fc.property(windows, counts, fc.integer({ min: 1, max: 40 }), (limit, { part, current, previous }, cost) => {
        const clock = new HandClock()
        const count = { elapsedMs: limit.windowMs * part, current, previous }
        const wait = waitMs(count, limit, cost)
        if (cost > limit.max || fits(count, limit, cost)) {
          expect(wait).toBe(cost > limit.max ? null : 0)
          return
        }
        const counters = new MemoryCounters({ clock, log })
        counters.add([callOf(limit)], previous)
        clock.pass(limit.windowMs)
        // An empty window would begin anew with the next unit.
        if (previous > 0) clock.pass(count.elapsedMs)
        counters.add([callOf(limit)], current)
        if (previous === 0) clock.pass(count.elapsedMs)
        expect(counters.look([callOf(limit)], cost)[0]?.isFitting).toBe(false)
        clock.pass(wait as number)
        expect(counters.look([callOf(limit)], cost)[0]?.isFitting).toBe(true)
      }),
    )
  })

  it('tells what is left in whole units, never less than none', () => {
    const limit = { windowMs: 100, max: 10 }
    expect(remainingUnits({ elapsedMs: 0, current: 3, previous: 0 }, limit)).toBe(7)
    expect(remainingUnits({ elapsedMs: 25, current: 3, previous: 5 }, limit)).toBe(3)
    expect(remainingUnits({ elapsedMs: 0, current: 10, previous: 10 }, limit)).toBe(0)
  })
})

describe.skipIf(TEST_REDIS_URL === undefined)('a sliding window in Redis', () => {
  const url = TEST_REDIS_URL ?? ''
  const { environmentName, clean } = redisNamespace(url)
  let redis: Redis
  let keys = 0

  beforeAll(() => {
    redis = new Redis(url)
  })
  afterAll(async () => {
    await redis.quit()
    await clean()
  })

  /** Asks the script at a time of our own, in microseconds. */
  async function takeAt(
    atMicros: number,
    cost: number,
    limits: readonly { key: string; windowMs: number; max: number; isShadow?: boolean }[],
  ): Promise<CounterReading[]> {
    const names = limits.map(({ key }) => `valhalla:${environmentName}:limit:${key}`)
    const values = limits.flatMap(({ windowMs, max, isShadow = false }) => [windowMs * 1_000, max, Number(isShadow)])
    return readingsOf((await redis.eval(TAKE_SCRIPT, names.length, ...names, cost, 0, atMicros, ...values)) as number[])
  }

  /** A time that is now for the expiry of keys: those of the test are told to live by the same clock. */
  const nowMs = async (): Promise<number> => Number((await redis.time())[0]) * 1_000

  it('accepts just what the formula accepts', async () => {
    await fc.assert(
      fc.asyncProperty(windows, stepsOf, async (limit, steps) => {
        keys += 1
        const key = `model-${keys}`
        // Windows a thousand times as long, so that no key expires before its time in the test.
        const slow = { windowMs: limit.windowMs * 1_000, max: limit.max }
        let atMs = await nowMs()
        const accepted: boolean[] = []
        for (const { pauseMs, cost } of steps) {
          atMs += pauseMs * 1_000
          const [reading] = await takeAt(atMs * 1_000, cost, [{ key, ...slow }])
          accepted.push(reading?.isFitting ?? false)
        }
        expect(accepted).toEqual(modelled(steps, limit))
      }),
      { numRuns: 40 },
    )
  })

  it('takes from all counters or from none, and a shadow denies nothing', async () => {
    const at = (await nowMs()) * 1_000
    const wide = { key: 'wide', windowMs: 60_000, max: 10 }
    const narrow = { key: 'narrow', windowMs: 60_000, max: 1 }
    const shadow = { key: 'shadow', windowMs: 60_000, max: 1, isShadow: true }
    const first = await takeAt(at, 1, [wide, narrow, shadow])
    expect(first.map(({ isFitting, current }) => [isFitting, current])).toEqual([
      [true, 1],
      [true, 1],
      [true, 1],
    ])
    const second = await takeAt(at, 1, [wide, narrow, shadow])
    expect(second.map(({ isFitting, current }) => [isFitting, current])).toEqual([
      [true, 1],
      [false, 1],
      [false, 1],
    ])
    const third = await takeAt(at, 1, [wide, shadow])
    expect(third.map(({ isFitting, current }) => [isFitting, current])).toEqual([
      [true, 2],
      [false, 1],
    ])
  })

  it('forgets a counter two windows after its start', async () => {
    await takeAt(0, 1, [{ key: 'short', windowMs: 50, max: 1 }])
    const ttl = await redis.pttl(`valhalla:${environmentName}:limit:short`)
    expect(ttl).toBeGreaterThan(0)
    expect(ttl).toBeLessThanOrEqual(100)
  })

  it('does not stand still when the clock of Redis is set back', async () => {
    const at = (await nowMs()) * 1_000
    const limit = { key: 'back', windowMs: 1_000, max: 1 }
    expect((await takeAt(at + 3_600_000_000, 1, [limit]))[0]?.isFitting).toBe(true)
    expect((await takeAt(at, 1, [limit]))[0]?.isFitting).toBe(false)
    expect((await takeAt(at + 500_000, 1, [limit]))[0]?.isFitting).toBe(false)
    expect((await takeAt(at + 2_000_000, 1, [limit]))[0]?.isFitting).toBe(true)
  })
})
