import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
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
  const seen = async (modes: readonly unknown[], ...expected: readonly string[]) => {
    await until(() => modes.length >= expected.length, 5_000)
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
      await seen(modes, ...expected)
    }
    await passes(5, 'READ_ONLY', 'MAINTENANCE')
    await passes(6, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY')
    await passes(5.5, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY', 'MAINTENANCE')
    await passes(11, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY', 'MAINTENANCE', 'NORMAL')
    await stop()
  })

  it('fires at the moment itself when a window begins, not at the next look at the clock', async () => {
    const startedAtMs = performance.now()
    bench.startClock()
    await bench.schedule(1.3, 1.6)
    const { modes, stop } = await bench.follow()
    await seen(modes, 'NORMAL', 'MAINTENANCE', 'NORMAL')
    expect(performance.now() - startedAtMs).toBeLessThan(2_000)
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
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(isTaken).toBe(false)
    await first.return?.()
    expect(await waiting).toBe(true)
    expect(await first.next()).toEqual({ done: true, value: undefined })
    expect(watch.followers).toBe(1)
    await second.return?.()
    expect(watch.followers).toBe(0)
  })
})
