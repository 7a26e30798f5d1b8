import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { at, MaintenanceBench } from '../../../test/testkit/maintenance-bench.js'
import { until } from '../../../test/testkit/until.js'
import { MaintenanceWatch } from './maintenance-watch.js'

const HOUR_S = 3_600

let bench: MaintenanceBench
beforeAll(async () => {
  bench = await MaintenanceBench.open()
})
afterEach(() => bench.reset())
afterAll(() => bench.close())

describe('the maintenanceState subscription', () => {
  // What looks at the clock is moved by hand, as the clock itself is.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  const seen = async (modes: readonly unknown[], ...expected: readonly string[]) => {
    await until(() => modes.length >= expected.length)
    expect(modes).toEqual(expected)
  }

  it('begins with the state as it is, follows every change, and goes on in MAINTENANCE for everybody', async () => {
    const { modes, stop } = await bench.follow()
    await seen(modes, 'NORMAL')
    await bench.setMode('mode: MAINTENANCE')
    await seen(modes, 'NORMAL', 'MAINTENANCE')
    await bench.setMode('mode: NORMAL')
    await seen(modes, 'NORMAL', 'MAINTENANCE', 'NORMAL')
    await stop()
  })

  it('fires when the clock passes the begin and the end of a window and the expiry of the switch, also when it is set back', async () => {
    await bench.schedule(5 * HOUR_S, 6 * HOUR_S)
    await bench.setMode(`mode: READ_ONLY, expiresAt: "${at(10 * HOUR_S)}"`)
    const { modes, stop } = await bench.follow()
    await seen(modes, 'READ_ONLY')
    const passes = async (hours: number, ...expected: readonly string[]) => {
      bench.clock.seconds = hours * HOUR_S
      vi.advanceTimersByTime(1_000)
      await seen(modes, ...expected)
    }
    await passes(5, 'READ_ONLY', 'MAINTENANCE')
    await passes(6, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY')
    await passes(5.5, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY', 'MAINTENANCE')
    await passes(11, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY', 'MAINTENANCE', 'NORMAL')
    await stop()
  })

  it('fires at the moment itself when a window begins, not at the next look at the clock', async () => {
    await bench.schedule(0.3, 0.6)
    const { modes, stop } = await bench.follow()
    await seen(modes, 'NORMAL')
    const passTo = async (ms: number) => {
      const passedMs = ms - bench.clock.seconds * 1_000
      bench.clock.seconds = ms / 1_000
      vi.advanceTimersByTime(Math.round(passedMs))
      await nextTurn()
    }
    await passTo(299)
    expect(modes).toEqual(['NORMAL'])
    await passTo(300)
    await seen(modes, 'NORMAL', 'MAINTENANCE')
    await passTo(599)
    expect(modes).toEqual(['NORMAL', 'MAINTENANCE'])
    await passTo(600)
    await seen(modes, 'NORMAL', 'MAINTENANCE', 'NORMAL')
    await stop()
  })
})

describe('a watch', () => {
  it('makes one of the signals that are not taken, and lets go when nobody follows', async () => {
    const watch = new MaintenanceWatch(bench)
    const [first, second] = [watch.follow(), watch.follow()]
    expect(watch.followers).toBe(2)
    expect(await first.next()).toEqual({ done: false, value: true })
    await bench.setMode('mode: READ_ONLY')
    await bench.setMode('mode: NORMAL')
    await bench.schedule(60, 120)
    expect(await first.next()).toEqual({ done: false, value: true })
    let isTaken = false
    const waiting = first.next().then(({ done }) => {
      isTaken = true
      return done
    })
    await nextTurn()
    expect(isTaken).toBe(false)
    await first.return?.()
    expect(await waiting).toBe(true)
    expect(await first.next()).toEqual({ done: true, value: undefined })
    expect(watch.followers).toBe(1)
    await second.return?.()
    expect(watch.followers).toBe(0)
  })
})
