import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HandClock } from '../../../test/testkit/hand-clock.js'
import { RequestRates } from './request-rates.js'

const MINUTE_MS = 60_000
const quiet = { requests: 0, userErrors: 0, denied: 0, rateLimited: 0, failed: 0, p50Ms: null, p99Ms: null }

describe('request rates', () => {
  it('count what came of each request in its minute, quiet minutes too, not from before the start', () => {
    const clock = new HandClock()
    const startedAt = clock.now()
    const rates = new RequestRates(clock)
    for (const outcome of [
      'ok',
      'ok',
      'user_error',
      'GRAPHQL_VALIDATION_FAILED',
      'FORBIDDEN',
      'UNAUTHENTICATED',
      'MAINTENANCE',
      'RATE_LIMITED',
      'UNAVAILABLE',
    ])
      rates.note({ outcome })
    clock.pass(2 * MINUTE_MS)
    rates.note({ outcome: 'INTERNAL_SERVER_ERROR', durationSeconds: 0.1 })
    const at = (minute: number) => new Date(startedAt.getTime() + minute * MINUTE_MS)
    expect(rates.since(null, 60)).toEqual([
      { ...quiet, at: at(0), requests: 9, userErrors: 2, denied: 3, rateLimited: 1, failed: 1 },
      { ...quiet, at: at(1) },
      { ...quiet, at: at(2), requests: 1, failed: 1, p50Ms: 104, p99Ms: 104 },
    ])
    expect(rates.since(at(2), 60)).toHaveLength(1)
    expect(rates.since(at(3), 60)).toEqual([])
    expect(rates.since(null, 86_400)).toMatchObject([{ requests: 10, userErrors: 2, denied: 3, rateLimited: 1, failed: 2, p50Ms: 104 }])
  })

  it('are forgotten after 24 hours, and a clock that is set back begins its minutes anew', () => {
    const clock = new HandClock()
    const rates = new RequestRates(clock)
    rates.note({ outcome: 'ok' })
    clock.pass(1_439 * MINUTE_MS)
    expect(rates.since(null, 60)).toHaveLength(1_440)
    expect(rates.since(null, 60)[0]).toMatchObject({ requests: 1 })
    clock.pass(MINUTE_MS)
    expect(rates.since(null, 60).map(({ requests }) => requests)).toEqual(Array.from({ length: 1_440 }, () => 0))
    rates.note({ outcome: 'ok' })
    clock.wallMs -= 1_440 * MINUTE_MS
    expect(rates.since(null, 60)).toEqual([{ ...quiet, at: clock.now() }])
    clock.wallMs -= MINUTE_MS
    rates.note({ outcome: 'ok' })
    expect(rates.since(null, 60)).toEqual([{ ...quiet, at: clock.now(), requests: 1 }])
  })

  it('tell percentiles that are right to a tenth, from microseconds to minutes', () => {
    const duration = fc.double({ min: 1e-5, max: 100, noNaN: true })
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1, maxLength: 50 }), (durations) => {
        const rates = new RequestRates(new HandClock())
        for (const durationSeconds of durations) rates.note({ outcome: 'ok', durationSeconds })
        const sorted = durations.toSorted((a, b) => a - b).map((seconds) => seconds * 1_000)
        const [rate] = rates.since(null, 60)
        for (const [share, told] of [
          [0.5, rate?.p50Ms],
          [0.99, rate?.p99Ms],
        ] as const) {
          const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
          // Three digits are rounded to.
          expect(told).toBeGreaterThan(exact / 1.006)
          expect(told).toBeLessThan(exact * 1.106)
        }
      }),
    )
  })
})
