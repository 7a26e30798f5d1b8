import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { at, codeOf, MaintenanceBench } from '../../../test/testkit/maintenance-bench.js'
import type { Role } from '../../core/contract/caller.js'

const HOUR_S = 3_600

let bench: MaintenanceBench
beforeAll(async () => {
  bench = await MaintenanceBench.open()
})
afterEach(() => bench.reset())
afterAll(() => bench.close())

describe('the maintenance state', () => {
  it('is NORMAL before anybody has set it', async () => {
    const { maintenanceState } = await bench.admin(
      '{ maintenanceState { mode switchMode reason expiresAt updatedAt ongoingWindow { id } nextWindow { id } retryAfterSeconds lastChange { id } } }',
    )
    expect(maintenanceState).toEqual({
      mode: 'NORMAL',
      switchMode: 'NORMAL',
      reason: null,
      expiresAt: null,
      updatedAt: '1970-01-01T00:00:00.000Z',
      ongoingWindow: null,
      nextWindow: null,
      retryAfterSeconds: null,
      lastChange: null,
    })
  })

  it('is made at the first start, once', async () => {
    const before = bench.ledger.snapshot.revision
    await bench.prepare()
    await bench.prepare()
    expect(bench.ledger.snapshot.revision).toBe(before + 1)
    const { maintenanceState } = await bench.admin('{ maintenanceState { mode updatedAt lastChange { operation action reason } } }')
    const lastChange = { operation: 'initialiseMaintenance', action: 'CREATE', reason: 'first start' }
    expect(maintenanceState).toEqual({ mode: 'NORMAL', updatedAt: at(0), lastChange })
  })

  it('is set and read back, with reason and expiry, and logged', async () => {
    const before = bench.ledger.snapshot.revision
    expect(await bench.setMode(`mode: READ_ONLY, reason: "migration", expiresAt: "${at(60)}"`)).toEqual({
      setMaintenanceMode: {
        maintenanceState: { mode: 'READ_ONLY', switchMode: 'READ_ONLY', reason: 'migration', expiresAt: at(60), updatedAt: at(0) },
        revision: before + 1,
        userErrors: [],
      },
    })
    bench.clock.seconds = 12.5
    const { maintenanceState } = await bench.admin(
      '{ maintenanceState { mode retryAfterSeconds lastChange { operation action targetType reason actor { id } } } }',
    )
    expect(maintenanceState).toEqual({
      mode: 'READ_ONLY',
      retryAfterSeconds: 48,
      lastChange: {
        operation: 'setMaintenanceMode',
        action: 'CREATE',
        targetType: 'MaintenanceState',
        reason: 'migration',
        actor: { id: 'a-admin' },
      },
    })
    bench.clock.seconds = 60
    const { maintenanceState: expired } = await bench.admin('{ maintenanceState { mode switchMode reason expiresAt retryAfterSeconds } }')
    expect(expired).toEqual({ mode: 'NORMAL', switchMode: 'NORMAL', reason: null, expiresAt: null, retryAfterSeconds: null })
  })

  it('tells a window that is stricter than the switch, also to whoever sets the switch', async () => {
    await bench.schedule(120, 180)
    const id = await bench.schedule(0, 60, 'description: "moving house"')
    const { setMaintenanceMode } = await bench.setMode('mode: NORMAL, reason: "done"')
    expect(setMaintenanceMode).toMatchObject({ maintenanceState: { mode: 'MAINTENANCE', switchMode: 'NORMAL', reason: 'moving house' } })
    const { maintenanceState } = await bench.admin(
      '{ maintenanceState { retryAfterSeconds ongoingWindow { id status } nextWindow { startsAt status } } }',
    )
    expect(maintenanceState).toEqual({
      retryAfterSeconds: 60,
      ongoingWindow: { id, status: 'ONGOING' },
      nextWindow: { startsAt: at(120), status: 'SCHEDULED' },
    })
  })

  it('refuses an invalid mode as no value of its enum, and an expiry in the past as a user error', async () => {
    const before = bench.ledger.snapshot.revision
    const unknown = await bench.as('ADMIN', 'mutation { setMaintenanceMode(input: { mode: FROZEN }) { revision } }')
    expect(unknown.errors?.[0]?.message).toContain('FROZEN')
    expect(await bench.setMode(`mode: READ_ONLY, expiresAt: "${at(0)}"`)).toEqual({
      setMaintenanceMode: { maintenanceState: null, revision: null, userErrors: [{ code: 'INVALID', field: ['expiresAt'] }] },
    })
    expect(bench.ledger.snapshot.revision).toBe(before)
  })

  it('shows everybody the mode, and who set it only to those who may read windows', async () => {
    await bench.schedule(0, 60, 'description: "moving house"')
    const query = '{ maintenanceState { mode reason lastChange { operation } ongoingWindow { lastChange { operation } } } }'
    await bench.setMode('mode: READ_ONLY')
    const seen = async (role: Role) => (await bench.as(role, query)).data?.['maintenanceState']
    const state = { mode: 'MAINTENANCE', reason: 'moving house' }
    expect(await seen('EVALUATOR')).toEqual({ ...state, lastChange: null, ongoingWindow: { lastChange: null } })
    const changes = {
      lastChange: { operation: 'setMaintenanceMode' },
      ongoingWindow: { lastChange: { operation: 'scheduleMaintenanceWindow' } },
    }
    for (const role of ['OBSERVER', 'OPERATOR', 'ADMIN'] as const) expect(await seen(role)).toEqual({ ...state, ...changes })
  })
})

describe('who may do what', () => {
  const fields = [
    '{ maintenanceState { mode } }',
    '{ maintenanceWindow(id: "x") { id } }',
    '{ maintenanceWindows { totalCount } }',
    'mutation { setMaintenanceMode(input: { mode: NORMAL }) { revision } }',
    `mutation { scheduleMaintenanceWindow(input: { startsAt: "${at(0)}", endsAt: "${at(1)}", mode: NORMAL }) { revision } }`,
    'mutation { cancelMaintenanceWindow(input: { id: "x" }) { revision } }',
  ]
  const [YES, NO, SHUT] = ['answered', 'FORBIDDEN', 'MAINTENANCE']

  it.each<[Role, string, (string | undefined)[]]>([
    ['EVALUATOR', 'NORMAL', [YES, NO, NO, NO, NO, NO]],
    ['OBSERVER', 'NORMAL', [YES, YES, YES, NO, NO, NO]],
    ['OPERATOR', 'NORMAL', [YES, YES, YES, YES, YES, YES]],
    ['ADMIN', 'NORMAL', [YES, YES, YES, YES, YES, YES]],
    ['OBSERVER', 'READ_ONLY', [YES, YES, YES, NO, NO, NO]],
    ['OPERATOR', 'READ_ONLY', [YES, YES, YES, YES, SHUT, YES]],
    ['EVALUATOR', 'MAINTENANCE', [YES, NO, NO, NO, NO, NO]],
    ['OBSERVER', 'MAINTENANCE', [YES, SHUT, SHUT, NO, NO, NO]],
    ['OPERATOR', 'MAINTENANCE', [YES, YES, YES, YES, SHUT, YES]],
    ['ADMIN', 'MAINTENANCE', [YES, YES, YES, YES, SHUT, YES]],
  ])('%s in %s', async (role, mode, expected) => {
    const codes: string[] = []
    for (const field of fields) {
      await bench.setMode(`mode: ${mode}`)
      codes.push(String(codeOf(await bench.as(role, field))))
    }
    expect(codes).toEqual(expected)
  })
})

describe('a clock that is set', () => {
  it('an hour back or forward decides at once what is in force, and nothing stored moves', async () => {
    await bench.schedule(60, 120)
    const { revision } = bench.ledger.snapshot
    const seen: unknown[] = []
    for (const seconds of [90, 90 - HOUR_S, 90, 90 + HOUR_S, 90]) {
      bench.clock.seconds = seconds
      seen.push(await bench.modeNow())
    }
    expect(seen).toEqual(['MAINTENANCE', 'NORMAL', 'MAINTENANCE', 'NORMAL', 'MAINTENANCE'])
    expect(bench.ledger.snapshot.revision).toBe(revision)
  })

  it('back behind the expiry of a switch brings its mode back', async () => {
    await bench.setMode(`mode: READ_ONLY, expiresAt: "${at(60)}"`)
    bench.clock.seconds = 60
    expect(await bench.modeNow()).toBe('NORMAL')
    bench.clock.seconds = 60 - HOUR_S
    expect(await bench.modeNow()).toBe('READ_ONLY')
  })
})
