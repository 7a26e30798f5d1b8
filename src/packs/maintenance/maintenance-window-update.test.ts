import { describe, expect, it } from 'vitest'
import { at, DAY_S, faultsOf, World } from '../../../test/testkit/maintenance-world.js'
import { cancelMaintenanceWindow, updateMaintenanceWindow } from './maintenance.commands.js'
import type { UpdateMaintenanceWindowInput } from './maintenance.inputs.js'

describe('updateMaintenanceWindow', () => {
  it('moves a window that is to come; what is left out stays', () => {
    const world = new World()
    const window = world.schedule(60, 120, { mode: 'READ_ONLY', description: 'a move' })
    const moved = { ...window, startsAt: at(30), version: 2, updatedAt: at(0) }
    expect(world.do(updateMaintenanceWindow, { id: window.id, startsAt: at(30), expectedVersion: 1 })).toEqual({ ok: true, value: moved })
    world.seconds = 30
    expect(world.mode).toBe('READ_ONLY')
    const all = { endsAt: at(90), mode: 'MAINTENANCE', description: null } as const
    expect(world.do(updateMaintenanceWindow, { id: window.id, ...all })).toEqual({
      ok: true,
      value: { ...moved, ...all, version: 3, updatedAt: at(30) },
    })
    expect(world.mode).toBe('MAINTENANCE')
    world.seconds = 90
    expect(world.mode).toBe('NORMAL')
  })

  it('changes nothing when it is so already', () => {
    const world = new World()
    const { id, startsAt, endsAt } = world.schedule(60, 120)
    const before = world.snapshot
    expect(world.do(updateMaintenanceWindow, { id, startsAt, endsAt, mode: 'MAINTENANCE', description: null }).ok).toBe(true)
    expect(world.snapshot).toBe(before)
  })

  it.each<[string, Partial<UpdateMaintenanceWindowInput>, string[][]]>([
    ['a stale version', { expectedVersion: 2 }, [['STALE_VERSION', 'expectedVersion']]],
    ['a start behind its end', { startsAt: at(121) }, [['INVALID', 'endsAt']]],
    ['an end before its start', { endsAt: at(59) }, [['INVALID', 'endsAt']]],
    ['more than 31 days', { endsAt: at(60 + 31 * DAY_S + 1) }, [['INVALID', 'endsAt']]],
    ['31 days', { endsAt: at(60 + 31 * DAY_S) }, []],
    ['a time that is over', { startsAt: at(-9), endsAt: at(0) }, [['INVALID', 'endsAt']]],
    ['the mode NORMAL', { mode: 'NORMAL' }, [['INVALID', 'mode']]],
    [
      'no start, end and mode',
      { startsAt: null, endsAt: null, mode: null },
      ['startsAt', 'endsAt', 'mode'].map((name) => ['INVALID', name]),
    ],
    ['a description that is too long', { description: 'x'.repeat(2_001) }, [['INVALID', 'description']]],
  ])('with %s', (_, input, faults) => {
    const world = new World()
    const { id } = world.schedule(60, 120)
    const before = world.snapshot
    expect(faultsOf(world.do(updateMaintenanceWindow, { id, ...input }))).toEqual(faults)
    expect(world.snapshot === before).toBe(faults.length > 0)
  })

  it('refuses one that is not there, cancelled or over', () => {
    const world = new World()
    const { id } = world.schedule(0, 60)
    const cancelled = world.schedule(0, 60)
    world.do(cancelMaintenanceWindow, { id: cancelled.id })
    const change = (id: string) => faultsOf(world.do(updateMaintenanceWindow, { id, endsAt: at(90) }))
    expect([change('nobody'), change(cancelled.id)]).toEqual([[['NOT_FOUND', 'id']], [['INVALID_STATE', 'id']]])
    world.seconds = 60
    expect(change(id)).toEqual([['INVALID_STATE', 'id']])
  })
})
