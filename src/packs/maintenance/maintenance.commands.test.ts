import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { at, DAY_S, faultsOf, World } from '../../../test/testkit/maintenance-world.js'
import { MAINTENANCE_MODES } from '../../core/contract/operation.js'
import { Draft } from '../../core/state/draft.js'
import { maintenanceAt } from './effective.js'
import {
  cancelMaintenanceWindow,
  initialiseMaintenance,
  MAX_OPEN_WINDOWS,
  scheduleMaintenanceWindow,
  setMaintenanceMode,
} from './maintenance.commands.js'
import type { ScheduleMaintenanceWindowInput } from './maintenance.inputs.js'
import { maintenanceSwitchCollection, switchOf } from './maintenance-switch.collection.js'
import { type MaintenanceWindowRecord, maintenanceWindowCollection } from './maintenance-window.collection.js'

describe('setMaintenanceMode', () => {
  it.each(MAINTENANCE_MODES)('sets the state to %s, with its reason', (mode) => {
    const world = new World()
    expect(world.do(setMaintenanceMode, { mode, reason: 'release 7' })).toMatchObject({
      ok: true,
      value: { mode, reason: 'release 7', expiresAt: null, version: 1 },
    })
    expect(world.mode).toBe(mode)
  })

  it('clears reason and expiry that are left out: none outlives its setting', () => {
    const world = new World()
    world.do(setMaintenanceMode, { mode: 'READ_ONLY', reason: 'migration', expiresAt: at(60) })
    world.do(setMaintenanceMode, { mode: 'MAINTENANCE' })
    expect(switchOf(world.snapshot.view(maintenanceSwitchCollection))).toMatchObject({
      mode: 'MAINTENANCE',
      reason: null,
      expiresAt: null,
      version: 2,
    })
  })

  it('changes nothing when it sets what is there', () => {
    const world = new World()
    world.do(setMaintenanceMode, { mode: 'READ_ONLY', reason: 'migration', expiresAt: at(60) })
    const before = world.snapshot
    world.seconds = 30
    world.do(setMaintenanceMode, { mode: 'READ_ONLY', reason: 'migration', expiresAt: at(60) })
    expect(world.snapshot).toBe(before)
  })

  it('goes back to NORMAL by itself, at the moment of its expiry', () => {
    const world = new World()
    world.do(setMaintenanceMode, { mode: 'READ_ONLY', expiresAt: at(60) })
    const modes = [59.999, 60].map((seconds) => {
      world.seconds = seconds
      return world.mode
    })
    expect(modes).toEqual(['READ_ONLY', 'NORMAL'])
  })

  it.each([
    ['an expiry now', { mode: 'READ_ONLY', expiresAt: at(0) }, [['INVALID', 'expiresAt']]],
    ['an expiry in the past', { mode: 'READ_ONLY', expiresAt: at(-1) }, [['INVALID', 'expiresAt']]],
    ['an expiry of NORMAL', { mode: 'NORMAL', expiresAt: at(9) }, [['INVALID', 'expiresAt']]],
  ] as const)('refuses %s and changes nothing', (_, input, faults) => {
    const world = new World()
    const before = world.snapshot
    expect(faultsOf(world.do(setMaintenanceMode, input))).toEqual(faults)
    expect(world.snapshot).toBe(before)
  })
})

describe('the first start', () => {
  it('makes the row at NORMAL, and later starts leave it as it is', () => {
    const world = new World()
    world.do(initialiseMaintenance, {})
    expect(world.snapshot.view(maintenanceSwitchCollection).get('maintenance')).toMatchObject({
      mode: 'NORMAL',
      version: 1,
      createdAt: at(0),
    })
    world.do(setMaintenanceMode, { mode: 'READ_ONLY' })
    const before = world.snapshot
    world.do(initialiseMaintenance, {})
    expect(world.snapshot).toBe(before)
  })
})

describe('scheduleMaintenanceWindow', () => {
  it('creates a window, of MAINTENANCE if not told otherwise', () => {
    const world = new World()
    const window = world.schedule(60, 120, { description: 'move house' })
    expect(window).toEqual({
      id: 'w-00001',
      startsAt: at(60),
      endsAt: at(120),
      mode: 'MAINTENANCE',
      description: 'move house',
      isActive: true,
      version: 1,
      createdAt: at(0),
      updatedAt: at(0),
    })
    expect(world.schedule(60, 120, { mode: null }).mode).toBe('MAINTENANCE')
    expect(world.schedule(60, 120, { mode: 'READ_ONLY' }).mode).toBe('READ_ONLY')
  })

  it('allows windows that overlap, and one that has begun already', () => {
    const world = new World()
    world.schedule(-60, 120, { mode: 'READ_ONLY' })
    expect(world.mode).toBe('READ_ONLY')
    world.schedule(-30, 30)
    expect(world.mode).toBe('MAINTENANCE')
  })

  const MONTH_S = 31 * DAY_S
  it.each<[string, Partial<ScheduleMaintenanceWindowInput>, [string, string | null][]]>([
    ['an end at its start', { endsAt: at(60) }, [['INVALID', 'endsAt']]],
    ['an end before its start', { endsAt: at(59) }, [['INVALID', 'endsAt']]],
    ['an end in the past', { startsAt: at(-60), endsAt: at(-1) }, [['INVALID', 'endsAt']]],
    ['an end now', { startsAt: at(-60), endsAt: at(0) }, [['INVALID', 'endsAt']]],
    ['more than 31 days', { startsAt: at(60), endsAt: at(60.001 + MONTH_S) }, [['INVALID', 'endsAt']]],
    ['mode NORMAL', { mode: 'NORMAL' }, [['INVALID', 'mode']]],
    ['a description that is too long', { description: 'x'.repeat(2_001) }, [['INVALID', 'description']]],
    [
      'everything wrong at once, naming all of it',
      { startsAt: at(-9), endsAt: at(-10), mode: 'NORMAL', description: 'x'.repeat(2_001) },
      [
        ['INVALID', 'description'],
        ['INVALID', 'mode'],
        ['INVALID', 'endsAt'],
        ['INVALID', 'endsAt'],
      ],
    ],
  ])('refuses %s and changes nothing', (_, changes, faults) => {
    const world = new World()
    const before = world.snapshot
    expect(faultsOf(world.do(scheduleMaintenanceWindow, { startsAt: at(60), endsAt: at(120), ...changes }))).toEqual(faults)
    expect(world.snapshot).toBe(before)
  })

  it('takes exactly 31 days', () => {
    const { startsAt, endsAt } = new World().schedule(60, 60 + MONTH_S)
    expect(endsAt.getTime() - startsAt.getTime()).toBe(31 * DAY_S * 1000)
  })

  it('keeps to 1,000 windows that are not over; what is over or cancelled makes room', () => {
    const world = new World()
    world.schedule(0, 10)
    const draft = new Draft(world.snapshot)
    const [plan] = world.snapshot.view(maintenanceWindowCollection).values()
    for (let index = 1; index < MAX_OPEN_WINDOWS; index += 1) {
      draft.put(maintenanceWindowCollection, { ...(plan as MaintenanceWindowRecord), id: `x-${index}`, startsAt: at(60), endsAt: at(120) })
    }
    world.snapshot = draft.toSnapshot({ revision: 2, digest: '' })
    expect(faultsOf(world.do(scheduleMaintenanceWindow, { startsAt: at(60), endsAt: at(60) }))).toEqual([
      ['INVALID', 'endsAt'],
      ['LIMIT_EXCEEDED', null],
    ])
    world.do(cancelMaintenanceWindow, { id: 'x-1' })
    world.schedule(60, 120)
    expect(faultsOf(world.do(scheduleMaintenanceWindow, { startsAt: at(60), endsAt: at(120) }))).toEqual([['LIMIT_EXCEEDED', null]])
    world.seconds = 10
    world.schedule(60, 120)
    expect(faultsOf(world.do(scheduleMaintenanceWindow, { startsAt: at(60), endsAt: at(120) }))).toEqual([['LIMIT_EXCEEDED', null]])
  })

  it('keeps its answer for an idempotency key as the window that it was', () => {
    const window = new World().schedule(60, 120, { description: 'x' })
    const { replay } = scheduleMaintenanceWindow
    expect(replay?.fromJson(JSON.parse(JSON.stringify(replay.toJson(window))))).toEqual(window)
  })
})

describe('cancelMaintenanceWindow', () => {
  it('cancels a window that is to come, and ends one that is ongoing at once', () => {
    const world = new World()
    const [ongoing, planned] = [world.schedule(0, 60), world.schedule(60, 120)]
    expect(world.mode).toBe('MAINTENANCE')
    expect(world.do(cancelMaintenanceWindow, { id: ongoing.id, expectedVersion: 1 })).toMatchObject({
      ok: true,
      value: { isActive: false, version: 2 },
    })
    expect(world.mode).toBe('NORMAL')
    world.do(cancelMaintenanceWindow, { id: planned.id })
    world.seconds = 60
    expect(world.mode).toBe('NORMAL')
  })

  it('refuses one that is not there, cancelled or over, and a stale version', () => {
    const world = new World()
    const { id } = world.schedule(0, 60)
    const cancelled = world.schedule(0, 60)
    world.do(cancelMaintenanceWindow, { id: cancelled.id })
    const before = world.snapshot
    const refuse = (input: { id: string; expectedVersion?: number }) => faultsOf(world.do(cancelMaintenanceWindow, input))
    expect(refuse({ id: 'nobody' })).toEqual([['NOT_FOUND', 'id']])
    expect(refuse({ id, expectedVersion: 2 })).toEqual([['STALE_VERSION', 'expectedVersion']])
    expect(refuse({ id: cancelled.id })).toEqual([['INVALID_STATE', 'id']])
    world.seconds = 60
    expect(refuse({ id, expectedVersion: 2 })).toEqual([
      ['STALE_VERSION', 'expectedVersion'],
      ['INVALID_STATE', 'id'],
    ])
    expect(world.snapshot).toBe(before)
  })
})

describe('the way back', () => {
  const seconds = fc.integer({ min: -50, max: 150 })
  const anyStep = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      mode: fc.constantFrom(...MAINTENANCE_MODES),
      expiry: fc.option(seconds, { nil: null }),
    }),
    fc.record({
      kind: fc.constant('schedule' as const),
      start: seconds,
      length: fc.integer({ min: 1, max: 90 }),
      mode: fc.constantFrom('READ_ONLY' as const, 'MAINTENANCE' as const),
    }),
    fc.record({ kind: fc.constant('cancel' as const), index: fc.nat(5) }),
    // Clocks go forward, and are set back.
    fc.record({ kind: fc.constant('move' as const), to: fc.integer({ min: 0, max: 200 }) }),
  )

  it('is open in every state that commands and the clock can lead to: the switch to NORMAL, and ongoing windows cancelled', () => {
    const met = new Set<string>()
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), (steps) => {
        const world = new World()
        for (const step of steps) {
          if (step.kind === 'set')
            world.do(setMaintenanceMode, { mode: step.mode, expiresAt: step.expiry === null ? null : at(step.expiry) })
          else if (step.kind === 'schedule')
            world.do(scheduleMaintenanceWindow, { startsAt: at(step.start), endsAt: at(step.start + step.length), mode: step.mode })
          else if (step.kind === 'cancel') world.do(cancelMaintenanceWindow, { id: `w-0000${step.index}` })
          else world.seconds = step.to
        }
        met.add(world.mode)
        expect(world.do(setMaintenanceMode, { mode: 'NORMAL' }).ok).toBe(true)
        for (let { ongoingWindow } = maintenanceAt(world.snapshot, at(world.seconds)); ongoingWindow; ) {
          expect(world.do(cancelMaintenanceWindow, { id: ongoingWindow.id }).ok).toBe(true)
          ongoingWindow = maintenanceAt(world.snapshot, at(world.seconds)).ongoingWindow
        }
        expect(world.mode).toBe('NORMAL')
      }),
      { numRuns: 500 },
    )
    expect([...met].sort()).toEqual([...MAINTENANCE_MODES].sort())
  })
})
