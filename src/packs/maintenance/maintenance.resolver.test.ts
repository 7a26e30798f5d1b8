import { type ExecutionResult, type GraphQLSchema, parse, subscribe } from 'graphql'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestDatabase } from '../../../test/testkit/databases.js'
import { ask, callerWith, contextOf } from '../../../test/testkit/guarded-schema.js'
import { openTestLedger, run } from '../../../test/testkit/ledger.js'
import { until } from '../../../test/testkit/until.js'
import type { Role } from '../../core/caller.js'
import type { Database } from '../../core/database/database.js'
import { type Command, done } from '../../core/state/command.js'
import type { Ledger } from '../../core/state/ledger.js'
import { guardSchema } from '../../enforcement/guard.js'
import { createMaintenanceGate } from '../../enforcement/maintenance-gate.js'
import { permissionsByRole } from '../../enforcement/permissions.js'
import { buildSchema } from '../../server/schema.js'
import { maintenance } from './index.js'
import { MaintenanceStateResolver, MaintenanceWindowResolver, maintenanceEvents } from './maintenance.resolver.js'
import { maintenanceSwitches } from './maintenance-switch.collection.js'
import { MaintenanceWatch } from './maintenance-watch.js'
import { maintenanceWindows } from './maintenance-window.collection.js'

const permissions = permissionsByRole([maintenance])
const NOON = Date.UTC(2026, 5, 1, 12)
const HOUR_S = 3_600

/** A wall clock that the test sets: it stands still, and can be set back. */
const clock = { seconds: 0, now: () => new Date(NOON + clock.seconds * 1000), monotonicMs: () => performance.now() }
const at = (seconds: number): string => new Date(NOON + seconds * 1000).toISOString()

/** Leaves a state without a switch and windows, as at the first start. */
const forgetAll: Command<object, null> = {
  name: 'forgetAll',
  pack: 'UE',
  isRevertible: false,
  run(draft) {
    for (const { id } of [...draft.view(maintenanceSwitches).values()]) draft.delete(maintenanceSwitches, id)
    for (const { id } of [...draft.view(maintenanceWindows).values()]) draft.delete(maintenanceWindows, id)
    return done(null)
  },
}

let database: Database
let ledger: Ledger
let schema: GraphQLSchema

beforeAll(async () => {
  database = await openTestDatabase('pglite')
  ledger = await openTestLedger(database, { clock, collections: maintenance.collections })
  const core = { ledger, clock }
  const gate = createMaintenanceGate(core)
  const resolvers = [new MaintenanceStateResolver(core), new MaintenanceWindowResolver(core), maintenanceEvents(core)]
  schema = guardSchema(buildSchema(resolvers), { permissions, checks: [gate], eventChecks: [gate] })
})
afterEach(async () => {
  clock.seconds = 0
  await run(ledger, forgetAll, {})
})
afterAll(async () => {
  await ledger.close()
  await database.close()
})

type Answer = Record<string, never>
const as = async (role: Role, query: string): Promise<ExecutionResult<Answer>> =>
  (await ask(
    schema,
    query,
    contextOf({ caller: callerWith(role, permissions), snapshot: ledger.snapshot, database }),
  )) as ExecutionResult<Answer>
const admin = async (query: string): Promise<Answer> => {
  const { data, errors } = await as('ADMIN', query)
  expect(errors).toBe(undefined)
  return data as Answer
}
const codeOf = ({ errors }: ExecutionResult) => errors?.[0]?.extensions?.['code'] ?? 'answered'

const setMode = (input: string) =>
  admin(
    `mutation { setMaintenanceMode(input: { ${input} }) { maintenanceState { mode switchMode reason expiresAt updatedAt } revision userErrors { code field } } }`,
  )
const schedule = async (start: number, end: number, more = ''): Promise<string> => {
  const input = `startsAt: "${at(start)}", endsAt: "${at(end)}" ${more}`
  const { scheduleMaintenanceWindow: payload } = await admin(
    `mutation { scheduleMaintenanceWindow(input: { ${input} }) { maintenanceWindow { id } userErrors { code } } }`,
  )
  const { maintenanceWindow, userErrors } = payload as unknown as { maintenanceWindow: { id: string }; userErrors: unknown[] }
  expect(userErrors).toEqual([])
  return maintenanceWindow.id
}
const modeOf = (data: Record<string, unknown> | null | undefined): unknown =>
  (data as { maintenanceState: { mode: unknown } }).maintenanceState.mode
const modeNow = async () => modeOf(await admin('{ maintenanceState { mode } }'))

describe('the maintenance state', () => {
  it('is NORMAL before anybody has set it', async () => {
    const { maintenanceState } = await admin(
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
    const before = ledger.snapshot.revision
    const start = () => maintenance.prepare?.({ ledger } as never, callerWith('ADMIN', permissions))
    await start()
    await start()
    expect(ledger.snapshot.revision).toBe(before + 1)
    const { maintenanceState } = await admin('{ maintenanceState { mode updatedAt lastChange { operation action reason } } }')
    const lastChange = { operation: 'initialiseMaintenance', action: 'CREATE', reason: 'first start' }
    expect(maintenanceState).toEqual({ mode: 'NORMAL', updatedAt: at(0), lastChange })
  })

  it('is set and read back, with reason and expiry, and logged', async () => {
    const before = ledger.snapshot.revision
    expect(await setMode(`mode: READ_ONLY, reason: "migration", expiresAt: "${at(60)}"`)).toEqual({
      setMaintenanceMode: {
        maintenanceState: { mode: 'READ_ONLY', switchMode: 'READ_ONLY', reason: 'migration', expiresAt: at(60), updatedAt: at(0) },
        revision: before + 1,
        userErrors: [],
      },
    })
    clock.seconds = 12.5
    const { maintenanceState } = await admin(
      '{ maintenanceState { mode retryAfterSeconds lastChange { operation reason actor { id } after } } }',
    )
    expect(maintenanceState).toMatchObject({
      mode: 'READ_ONLY',
      retryAfterSeconds: 48,
      lastChange: {
        operation: 'setMaintenanceMode',
        reason: 'migration',
        actor: { id: 'a-admin' },
        after: { mode: 'READ_ONLY', expiresAt: at(60) },
      },
    })
    clock.seconds = 60
    const { maintenanceState: expired } = await admin('{ maintenanceState { mode switchMode reason expiresAt retryAfterSeconds } }')
    expect(expired).toEqual({ mode: 'NORMAL', switchMode: 'NORMAL', reason: null, expiresAt: null, retryAfterSeconds: null })
  })

  it('tells a window that is stricter than the switch, also to whoever sets the switch', async () => {
    await schedule(120, 180)
    const id = await schedule(0, 60, 'description: "moving house"')
    const { setMaintenanceMode } = await setMode('mode: NORMAL, reason: "done"')
    expect(setMaintenanceMode).toMatchObject({ maintenanceState: { mode: 'MAINTENANCE', switchMode: 'NORMAL', reason: 'moving house' } })
    const { maintenanceState } = await admin(
      '{ maintenanceState { retryAfterSeconds ongoingWindow { id status } nextWindow { startsAt status } } }',
    )
    expect(maintenanceState).toEqual({
      retryAfterSeconds: 60,
      ongoingWindow: { id, status: 'ONGOING' },
      nextWindow: { startsAt: at(120), status: 'SCHEDULED' },
    })
  })

  it('refuses an invalid mode as no value of its enum, and an expiry in the past as a user error', async () => {
    const before = ledger.snapshot.revision
    const unknown = await as('ADMIN', 'mutation { setMaintenanceMode(input: { mode: FROZEN }) { revision } }')
    expect(unknown.errors?.[0]?.message).toContain('FROZEN')
    expect(await setMode(`mode: READ_ONLY, expiresAt: "${at(0)}"`)).toEqual({
      setMaintenanceMode: { maintenanceState: null, revision: null, userErrors: [{ code: 'INVALID', field: ['expiresAt'] }] },
    })
    expect(ledger.snapshot.revision).toBe(before)
  })

  it('shows everybody the mode, and who set it only to those who may read windows', async () => {
    await schedule(0, 60, 'description: "moving house"')
    const query = '{ maintenanceState { mode reason lastChange { operation } ongoingWindow { lastChange { operation } } } }'
    await setMode('mode: READ_ONLY')
    const seen = async (role: Role) => (await as(role, query)).data?.['maintenanceState']
    const state = { mode: 'MAINTENANCE', reason: 'moving house' }
    expect(await seen('EVALUATOR')).toEqual({ ...state, lastChange: null, ongoingWindow: { lastChange: null } })
    const changes = {
      lastChange: { operation: 'setMaintenanceMode' },
      ongoingWindow: { lastChange: { operation: 'scheduleMaintenanceWindow' } },
    }
    for (const role of ['OBSERVER', 'OPERATOR', 'ADMIN'] as const) expect(await seen(role)).toEqual({ ...state, ...changes })
  })
})

describe('maintenance windows', () => {
  const find = async (filter: string) => {
    const { maintenanceWindows } = await admin(`{ maintenanceWindows(filter: { ${filter} }) { nodes { description } totalCount } }`)
    const { nodes, totalCount } = maintenanceWindows as unknown as { nodes: { description: string }[]; totalCount: number }
    expect(totalCount).toBe(nodes.length)
    return nodes.map(({ description }) => description).join('')
  }

  it('are created, and listed in the order in which they were scheduled', async () => {
    const ids = [await schedule(60, 120), await schedule(30, 40), await schedule(90, 100)]
    const { maintenanceWindows } = await admin(
      '{ maintenanceWindows(first: 2) { nodes { id status version isActive mode } pageInfo { hasNextPage endCursor } totalCount } }',
    )
    const page = maintenanceWindows as unknown as {
      nodes: { id: string }[]
      pageInfo: { hasNextPage: boolean; endCursor: string }
      totalCount: number
    }
    expect(page.nodes).toEqual(ids.slice(0, 2).map((id) => ({ id, status: 'SCHEDULED', version: 1, isActive: true, mode: 'MAINTENANCE' })))
    expect([page.pageInfo.hasNextPage, page.totalCount]).toEqual([true, 3])
    const rest = await admin(`{ maintenanceWindows(after: "${page.pageInfo.endCursor}") { nodes { id } } }`)
    expect(rest).toEqual({ maintenanceWindows: { nodes: [{ id: ids[2] }] } })
    expect(await admin(`{ maintenanceWindow(id: "${ids[1]}") { startsAt endsAt } }`)).toEqual({
      maintenanceWindow: { startsAt: at(30), endsAt: at(40) },
    })
    expect(await admin('{ maintenanceWindow(id: "nobody") { id } }')).toEqual({ maintenanceWindow: null })
  })

  it.each([
    ['', 'abcd'],
    ['status: SCHEDULED', 'c'],
    ['status: ONGOING', 'b'],
    ['status: COMPLETED', 'a'],
    ['status: CANCELLED', 'd'],
    ['isActive: true', 'abc'],
    ['isActive: false', 'd'],
    ['isActive: null, status: null', 'abcd'],
    [`startsAfter: "${at(20)}"`, 'c'],
    [`startsAfter: "${at(19)}"`, 'bc'],
    [`endsBefore: "${at(40)}"`, 'ad'],
    [`endsBefore: "${at(41)}", isActive: true`, 'ab'],
  ])('are found by { %s }', async (filter, found) => {
    // A window that is ongoing stands in the way of others: all are made before the first one begins.
    clock.seconds = -60
    await schedule(0, 10, 'description: "a", mode: READ_ONLY')
    await schedule(20, 40, 'description: "b", mode: READ_ONLY')
    await schedule(50, 60, 'description: "c", mode: READ_ONLY')
    const cancelled = await schedule(10, 30, 'description: "d"')
    await admin(`mutation { cancelMaintenanceWindow(input: { id: "${cancelled}" }) { revision } }`)
    clock.seconds = 20
    expect(await find(filter)).toBe(found)
  })

  it('whose end is not after their start are refused, and nothing is stored', async () => {
    const before = ledger.snapshot.revision
    const input = `startsAt: "${at(60)}", endsAt: "${at(60)}", mode: NORMAL`
    const { scheduleMaintenanceWindow } = await admin(
      `mutation { scheduleMaintenanceWindow(input: { ${input} }) { maintenanceWindow { id } revision userErrors { code field message } } }`,
    )
    expect(scheduleMaintenanceWindow).toEqual({
      maintenanceWindow: null,
      revision: null,
      userErrors: [
        { code: 'INVALID', field: ['mode'], message: 'A window brings READ_ONLY or MAINTENANCE; one of NORMAL would do nothing.' },
        { code: 'INVALID', field: ['endsAt'], message: 'A window must end after it starts.' },
      ],
    })
    expect(ledger.snapshot.revision).toBe(before)
  })

  it('are scheduled once for an idempotency key, and another input under it is refused', async () => {
    const before = ledger.snapshot.revision
    const first = await schedule(60, 120, 'idempotencyKey: "k1"')
    expect(await schedule(60, 120, 'idempotencyKey: "k1"')).toBe(first)
    expect(ledger.snapshot.revision).toBe(before + 1)
    const other = `mutation { scheduleMaintenanceWindow(input: { startsAt: "${at(60)}", endsAt: "${at(121)}", idempotencyKey: "k1" }) { revision } }`
    expect(codeOf(await as('ADMIN', other))).toBe('IDEMPOTENCY_KEY_REUSED')
  })

  it('are cancelled once, and not by a stale version', async () => {
    const id = await schedule(0, 60)
    const cancel = (more = '') =>
      admin(
        `mutation { cancelMaintenanceWindow(input: { id: "${id}" ${more} }) { maintenanceWindow { status version } userErrors { code field } } }`,
      )
    const refusedWith = (code: string, field: string) => ({
      cancelMaintenanceWindow: { maintenanceWindow: null, userErrors: [{ code, field: [field] }] },
    })
    expect(await cancel('expectedVersion: 7')).toEqual(refusedWith('STALE_VERSION', 'expectedVersion'))
    expect(await cancel('expectedVersion: 1')).toEqual({
      cancelMaintenanceWindow: { maintenanceWindow: { status: 'CANCELLED', version: 2 }, userErrors: [] },
    })
    expect(await cancel()).toEqual(refusedWith('INVALID_STATE', 'id'))
    const { maintenanceWindow } = await admin(`{ maintenanceWindow(id: "${id}") { isActive lastChange { operation } } }`)
    expect(maintenanceWindow).toEqual({ isActive: false, lastChange: { operation: 'cancelMaintenanceWindow' } })
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
      await setMode(`mode: ${mode}`)
      codes.push(String(codeOf(await as(role, field))))
    }
    expect(codes).toEqual(expected)
  })
})

describe('a clock that is set', () => {
  it('an hour back or forward decides at once what is in force, and nothing stored moves', async () => {
    await schedule(60, 120)
    const { revision } = ledger.snapshot
    const seen: unknown[] = []
    for (const seconds of [90, 90 - HOUR_S, 90, 90 + HOUR_S, 90]) {
      clock.seconds = seconds
      seen.push(await modeNow())
    }
    expect(seen).toEqual(['MAINTENANCE', 'NORMAL', 'MAINTENANCE', 'NORMAL', 'MAINTENANCE'])
    expect(ledger.snapshot.revision).toBe(revision)
  })

  it('back behind the expiry of a switch brings its mode back', async () => {
    await setMode(`mode: READ_ONLY, expiresAt: "${at(60)}"`)
    clock.seconds = 60
    expect(await modeNow()).toBe('NORMAL')
    clock.seconds = 60 - HOUR_S
    expect(await modeNow()).toBe('READ_ONLY')
  })
})

describe('the maintenanceState subscription', () => {
  /** Modes as they arrive. */
  async function follow(role: Role = 'EVALUATOR') {
    const contextValue = contextOf({ caller: callerWith(role, permissions), snapshot: ledger.snapshot, database })
    // The context of an event reads the newest state, as the server's do.
    Object.defineProperty(contextValue, 'snapshot', { get: () => ledger.snapshot })
    const events = await subscribe({ schema, document: parse('subscription { maintenanceState { mode } }'), contextValue })
    if (!(Symbol.asyncIterator in events)) throw new Error(JSON.stringify(events.errors))
    const modes: unknown[] = []
    const reading = (async () => {
      for await (const { data } of events) modes.push(modeOf(data))
    })()
    return { modes, stop: () => events.return?.(undefined), reading }
  }
  const seen = async (modes: readonly unknown[], ...expected: readonly string[]) => {
    await until(() => modes.length >= expected.length, 5_000)
    expect(modes).toEqual(expected)
  }

  it('begins with the state as it is, follows every change, and goes on in MAINTENANCE for everybody', async () => {
    const { modes, stop, reading } = await follow()
    await seen(modes, 'NORMAL')
    await setMode('mode: MAINTENANCE')
    await seen(modes, 'NORMAL', 'MAINTENANCE')
    await setMode('mode: NORMAL')
    await seen(modes, 'NORMAL', 'MAINTENANCE', 'NORMAL')
    await stop()
    await reading
  })

  it('fires when the clock passes the begin and the end of a window and the expiry of the switch, also when it is set back', async () => {
    await schedule(5 * HOUR_S, 6 * HOUR_S)
    await setMode(`mode: READ_ONLY, expiresAt: "${at(10 * HOUR_S)}"`)
    const { modes, stop, reading } = await follow()
    await seen(modes, 'READ_ONLY')
    const passes = async (hours: number, ...expected: readonly string[]) => {
      clock.seconds = hours * HOUR_S
      await seen(modes, ...expected)
    }
    await passes(5, 'READ_ONLY', 'MAINTENANCE')
    await passes(6, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY')
    await passes(5.5, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY', 'MAINTENANCE')
    await passes(11, 'READ_ONLY', 'MAINTENANCE', 'READ_ONLY', 'MAINTENANCE', 'NORMAL')
    await stop()
    await reading
  })

  it('fires at the moment itself when a window begins, not at the next look at the clock', async () => {
    const startedAtMs = performance.now()
    const base = clock.now
    clock.now = () => new Date(NOON + performance.now() - startedAtMs)
    try {
      await schedule(1.3, 1.6)
      const { modes, stop, reading } = await follow()
      await seen(modes, 'NORMAL', 'MAINTENANCE', 'NORMAL')
      expect(performance.now() - startedAtMs).toBeLessThan(2_000)
      await stop()
      await reading
    } finally {
      clock.now = base
    }
  })
})

describe('a watch', () => {
  it('makes one of the signals that are not taken, and lets go when nobody follows', async () => {
    const watch = new MaintenanceWatch({ ledger, clock })
    const [first, second] = [watch.follow(), watch.follow()]
    expect(watch.followers).toBe(2)
    expect(await first.next()).toEqual({ done: false, value: true })
    await setMode('mode: READ_ONLY')
    await setMode('mode: NORMAL')
    await schedule(60, 120)
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
