import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAINTENANCE_MODES, type MaintenanceModeName } from '../../core/contract/operation.js'
import { Draft } from '../../core/state/draft.js'
import { Snapshot } from '../../core/state/snapshot.js'
import { effectiveMaintenance, maintenanceAt, retryAfterSeconds } from './effective.js'
import { type MaintenanceSwitchRecord, maintenanceSwitchCollection, switchOf } from './maintenance-switch.collection.js'
import { type MaintenanceWindowRecord, maintenanceWindowCollection, windowStatus } from './maintenance-window.collection.js'

const START = Date.UTC(2026, 0, 1)
/** A moment, in seconds after the start of the tests' time. */
const at = (seconds: number): Date => new Date(START + seconds * 1000)

function switchedTo(mode: MaintenanceModeName, expiresAt: Date | null = null, reason: string | null = null): MaintenanceSwitchRecord {
  return { id: 'maintenance', mode, reason, expiresAt, version: 1, createdAt: at(0), updatedAt: at(0) }
}

function windowOf(
  id: string,
  [start, end]: readonly [number, number],
  changes: Partial<MaintenanceWindowRecord> = {},
): MaintenanceWindowRecord {
  const plan = { startsAt: at(start), endsAt: at(end), mode: 'MAINTENANCE' as const, description: `window ${id}`, isActive: true }
  return { id, ...plan, version: 1, createdAt: at(0), updatedAt: at(0), ...changes }
}

const NORMAL = switchedTo('NORMAL')

/** Random switches and windows whose bounds are whole seconds, so that they meet, overlap and hide each other often. */
const second = fc.integer({ min: 0, max: 30 })
const anySwitch = fc
  .record({ mode: fc.constantFrom(...MAINTENANCE_MODES), expiry: fc.option(second, { nil: null }) })
  .map(({ mode, expiry }) => switchedTo(mode, expiry === null || mode === 'NORMAL' ? null : at(expiry), 'switch'))
const anyWindows = fc
  .array(
    fc.record({
      start: second,
      length: fc.integer({ min: 1, max: 10 }),
      mode: fc.constantFrom('READ_ONLY', 'MAINTENANCE'),
      isActive: fc.boolean(),
    }),
    { maxLength: 6 },
  )
  .map((plans) =>
    plans.map(({ start, length, mode, isActive }, index) =>
      windowOf(String(index), [start, start + length], { mode: mode as MaintenanceModeName, isActive }),
    ),
  )
/** Half seconds, so that moments lie on bounds and between them. */
const anyMoment = fc.integer({ min: -2, max: 90 }).map((half) => half / 2)

/** The rule, as it is written down: mode by mode, at one moment. */
function modelMode(theSwitch: MaintenanceSwitchRecord, windows: readonly MaintenanceWindowRecord[], moment: number): MaintenanceModeName {
  const inForce = new Set<MaintenanceModeName>(['NORMAL'])
  if (theSwitch.expiresAt === null || moment < (theSwitch.expiresAt.getTime() - START) / 1000) inForce.add(theSwitch.mode)
  for (const { startsAt, endsAt, mode, isActive } of windows) {
    const [start, end] = [startsAt, endsAt].map((time) => (time.getTime() - START) / 1000) as [number, number]
    if (isActive && start <= moment && moment < end) inForce.add(mode)
  }
  return inForce.has('MAINTENANCE') ? 'MAINTENANCE' : inForce.has('READ_ONLY') ? 'READ_ONLY' : 'NORMAL'
}

/** Walks on in half seconds until the mode is NORMAL; null when it is not within any window or expiry there is. */
function modelNormalFrom(theSwitch: MaintenanceSwitchRecord, windows: readonly MaintenanceWindowRecord[], moment: number): number | null {
  for (let later = moment; later <= 100; later += 0.5) if (modelMode(theSwitch, windows, later) === 'NORMAL') return later
  return null
}

describe('the effective mode', () => {
  it('is what the rule says of every single moment, whatever switches, windows and expiries overlap', () => {
    fc.assert(
      fc.property(anySwitch, anyWindows, anyMoment, (theSwitch, windows, moment) => {
        const effective = effectiveMaintenance(theSwitch, windows, at(moment))
        expect(effective.mode).toBe(modelMode(theSwitch, windows, moment))
        expect(effective.switchMode).toBe(modelMode(theSwitch, [], moment))
      }),
      { numRuns: 2_000 },
    )
  })

  it('comes with the seconds until the first moment that is NORMAL, or none when there is none', () => {
    let known = 0
    let unknown = 0
    fc.assert(
      fc.property(anySwitch, anyWindows, anyMoment, (theSwitch, windows, moment) => {
        const effective = effectiveMaintenance(theSwitch, windows, at(moment))
        const normalFrom = modelNormalFrom(theSwitch, windows, moment)
        const isNormal = modelMode(theSwitch, windows, moment) === 'NORMAL'
        expect(effective.until).toEqual(isNormal || normalFrom === null ? null : at(normalFrom))
        const expected = isNormal || normalFrom === null ? null : Math.ceil(normalFrom - moment)
        expect(retryAfterSeconds(effective, at(moment))).toBe(expected)
        if (expected !== null) known += 1
        else if (!isNormal) unknown += 1
      }),
      { numRuns: 2_000 },
    )
    expect([known > 300, unknown > 100]).toEqual([true, true])
  })

  it('holds for as long as it says: at every moment between its bounds it is the same, and beyond them it is made anew', () => {
    fc.assert(
      fc.property(anySwitch, anyWindows, fc.array(anyMoment, { minLength: 2, maxLength: 30 }), (theSwitch, windows, moments) => {
        const draft = new Draft(Snapshot.empty([maintenanceSwitchCollection, maintenanceWindowCollection], { revision: 0, digest: '' }))
        draft.put(maintenanceSwitchCollection, theSwitch)
        for (const window of windows) draft.put(maintenanceWindowCollection, window)
        const snapshot = draft.toSnapshot({ revision: 1, digest: '' })
        // The clock of a machine is set forward and back.
        for (const moment of moments)
          expect(maintenanceAt(snapshot, at(moment))).toEqual(effectiveMaintenance(theSwitch, windows, at(moment)))
      }),
      { numRuns: 500 },
    )
  })

  it('is remembered with the state, and never beyond it', () => {
    const empty = Snapshot.empty([maintenanceSwitchCollection, maintenanceWindowCollection], { revision: 0, digest: '' })
    const next = (base: Snapshot, edit: (draft: Draft) => void): Snapshot => {
      const draft = new Draft(base)
      edit(draft)
      return draft.toSnapshot({ revision: base.revision + 1, digest: '' })
    }
    expect(maintenanceAt(empty, at(1))).toBe(maintenanceAt(empty, at(2)))
    const switched = next(empty, (draft) => draft.put(maintenanceSwitchCollection, switchedTo('READ_ONLY')))
    expect(maintenanceAt(switched, at(2)).mode).toBe('READ_ONLY')
    const planned = next(switched, (draft) => draft.put(maintenanceWindowCollection, windowOf('a', [2, 4])))
    expect([2, 3, 4, 5].map((moment) => maintenanceAt(planned, at(moment)).mode)).toEqual([
      'MAINTENANCE',
      'MAINTENANCE',
      'READ_ONLY',
      'READ_ONLY',
    ])
    expect(maintenanceAt(switched, at(2)).mode).toBe('READ_ONLY')
    expect(maintenanceAt(empty, at(2)).mode).toBe('NORMAL')
  })
})

describe('an end that is known', () => {
  it.each<[string, MaintenanceSwitchRecord, MaintenanceWindowRecord[], number | null]>([
    ['is that of the window', NORMAL, [windowOf('a', [0, 10])], 8],
    ['is behind windows that overlap', NORMAL, [windowOf('a', [0, 10]), windowOf('b', [5, 20])], 18],
    ['is behind windows that meet', NORMAL, [windowOf('b', [10, 20]), windowOf('a', [0, 10])], 18],
    ['is before a gap of a moment', NORMAL, [windowOf('a', [0, 10]), windowOf('b', [10.001, 20])], 8],
    ['is not that of a window inside of another', NORMAL, [windowOf('a', [0, 20]), windowOf('b', [3, 4])], 18],
    ['does not wait for a cancelled window', NORMAL, [windowOf('a', [0, 10]), windowOf('b', [10, 20], { isActive: false })], 8],
    ['is that of the switch', switchedTo('READ_ONLY', at(5)), [], 3],
    ['goes from the switch into a window', switchedTo('READ_ONLY', at(5)), [windowOf('a', [5, 7])], 5],
    ['goes from a window into nothing while the switch is NORMAL', NORMAL, [windowOf('a', [2, 3])], 1],
    ['is not there while a switch has none, whatever windows end', switchedTo('READ_ONLY'), [windowOf('a', [0, 10])], null],
    ['is not there in NORMAL', NORMAL, [windowOf('a', [3, 10])], null],
    ['is at least a second away', NORMAL, [windowOf('a', [0, 2.001])], 1],
    ['fits an Int even when it is a thousand years away', switchedTo('MAINTENANCE', new Date(Date.UTC(3026, 0, 1))), [], 2 ** 31 - 1],
  ])('%s', (_, theSwitch, windows, seconds) => {
    expect(retryAfterSeconds(effectiveMaintenance(theSwitch, windows, at(2)), at(2))).toBe(seconds)
  })
})

describe('what is named', () => {
  const named = (theSwitch: MaintenanceSwitchRecord, windows: readonly MaintenanceWindowRecord[]) => {
    const { mode, reason, ongoingWindow, nextWindow } = effectiveMaintenance(theSwitch, windows, at(5))
    return [mode, reason, ongoingWindow?.id ?? null, nextWindow?.id ?? null]
  }
  const readOnly = (id: string, bounds: readonly [number, number]) => windowOf(id, bounds, { mode: 'READ_ONLY' })

  it.each<[string, MaintenanceSwitchRecord, MaintenanceWindowRecord[], (string | null)[]]>([
    ['nothing', NORMAL, [], ['NORMAL', null, null, null]],
    ['the reason of a switch that was set back', switchedTo('NORMAL', null, 'done'), [], ['NORMAL', 'done', null, null]],
    ['no reason of a switch that has expired', switchedTo('READ_ONLY', at(5), 'old'), [], ['NORMAL', null, null, null]],
    [
      'the reason of the switch when it is the strictest',
      switchedTo('MAINTENANCE', null, 'mine'),
      [readOnly('a', [0, 9])],
      ['MAINTENANCE', 'mine', 'a', null],
    ],
    [
      'the description of the window when it is the strictest',
      switchedTo('READ_ONLY', null, 'mine'),
      [windowOf('a', [0, 9])],
      ['MAINTENANCE', 'window a', 'a', null],
    ],
    [
      "the switch's reason before a window that is as strict",
      switchedTo('MAINTENANCE', null, 'mine'),
      [windowOf('a', [0, 9])],
      ['MAINTENANCE', 'mine', 'a', null],
    ],
    [
      "the window's description where a switch as strict has no reason",
      switchedTo('MAINTENANCE'),
      [windowOf('a', [0, 9])],
      ['MAINTENANCE', 'window a', 'a', null],
    ],
    [
      'the strictest of several windows',
      NORMAL,
      [readOnly('a', [0, 90]), windowOf('b', [4, 6]), readOnly('c', [0, 9])],
      ['MAINTENANCE', 'window b', 'b', null],
    ],
    [
      'of equal windows the one that ends last',
      NORMAL,
      [windowOf('a', [0, 9]), windowOf('b', [4, 20]), windowOf('c', [0, 9])],
      ['MAINTENANCE', 'window b', 'b', null],
    ],
    [
      'of the same windows the one scheduled first',
      NORMAL,
      [windowOf('b', [0, 9]), windowOf('a', [0, 9])],
      ['MAINTENANCE', 'window a', 'a', null],
    ],
    [
      'the window that begins next',
      NORMAL,
      [windowOf('a', [8, 9]), readOnly('b', [6, 20]), windowOf('c', [7, 8])],
      ['NORMAL', null, null, 'b'],
    ],
    ['of windows that begin together the strictest', NORMAL, [readOnly('a', [6, 20]), windowOf('b', [6, 7])], ['NORMAL', null, null, 'b']],
    [
      'no window that is cancelled or over',
      NORMAL,
      [windowOf('a', [0, 9], { isActive: false }), windowOf('b', [8, 9], { isActive: false }), windowOf('c', [1, 5])],
      ['NORMAL', null, null, null],
    ],
  ])('%s', (_, theSwitch, windows, expected) => {
    expect(named(theSwitch, windows)).toEqual(expected)
    expect(named(theSwitch, windows.toReversed())).toEqual(expected)
  })
})

describe("a window's status", () => {
  it.each([
    [1.999, 'SCHEDULED'],
    [2, 'ONGOING'],
    [3.999, 'ONGOING'],
    [4, 'COMPLETED'],
  ])('after %d seconds is %s, unless it is cancelled', (moment, status) => {
    expect(windowStatus(windowOf('a', [2, 4]), at(moment))).toBe(status)
    expect(windowStatus(windowOf('a', [2, 4], { isActive: false }), at(moment))).toBe('CANCELLED')
  })
})

describe('a state without a switch', () => {
  it('is NORMAL', () => {
    const empty = Snapshot.empty([maintenanceSwitchCollection, maintenanceWindowCollection], { revision: 0, digest: '' })
    expect(switchOf(empty.view(maintenanceSwitchCollection))).toMatchObject({ mode: 'NORMAL', reason: null, expiresAt: null, version: 0 })
    expect(maintenanceAt(empty, at(0)).mode).toBe('NORMAL')
  })
})
