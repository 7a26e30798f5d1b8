import { describe, expect, it } from 'vitest'
import { type Caller, CLIENT_TYPES, type ClientType, ROLES, type Role } from '../core/caller.js'
import { AppError } from '../core/errors.js'
import type { RequestContext } from '../core/graphql/context.js'
import { type AllowedDuring, MAINTENANCE_MODES, type MaintenanceModeName } from '../core/operation.js'
import { Draft } from '../core/state/draft.js'
import { Snapshot } from '../core/state/snapshot.js'
import { packs } from '../packs/index.js'
import { type MaintenanceSwitch, maintenanceSwitches } from '../packs/maintenance/maintenance-switch.collection.js'
import { type MaintenanceWindow, maintenanceWindows } from '../packs/maintenance/maintenance-window.collection.js'
import { schemaOf } from '../server/schema.js'
import { createMaintenanceGate } from './maintenance-gate.js'
import { rootFieldsOf } from './root-fields.js'

const NOW = new Date('2026-06-01T12:00:00.000Z')
const inSeconds = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)

/** A state whose switch and window are these. */
function stateOf(theSwitch: Partial<MaintenanceSwitch>, window?: Partial<MaintenanceWindow>): Snapshot {
  const draft = new Draft(Snapshot.empty([maintenanceSwitches, maintenanceWindows], { revision: 0, digest: '' }))
  const stamps = { version: 1, createdAt: NOW, updatedAt: NOW }
  const normal = { id: 'maintenance', mode: 'NORMAL', reason: null, expiresAt: null } as const
  draft.put(maintenanceSwitches, { ...normal, ...stamps, ...theSwitch })
  const plan = { id: 'w', startsAt: inSeconds(-60), endsAt: inSeconds(60), mode: 'MAINTENANCE', description: null, isActive: true } as const
  if (window) draft.put(maintenanceWindows, { ...plan, ...stamps, ...window })
  return draft.toSnapshot({ revision: 1, digest: '' })
}

function callerOf(role: Role | null, clientType: ClientType | null): Caller {
  return { id: 'a', name: 'a', role, clientType, permissions: new Set() }
}

/** The refusal of a call, if it is refused. */
function refusalOf(
  snapshot: Snapshot,
  { allowedDuring, caller }: { allowedDuring: AllowedDuring; caller: Caller },
  now = NOW,
): AppError | undefined {
  const gate = createMaintenanceGate({ ledger: { snapshot }, clock: { now: () => now, monotonicMs: () => 0 } })
  const policy = { permission: null, writes: allowedDuring === 'write', allowedDuring, cost: 1 }
  try {
    expect(gate({ kind: 'query', name: 'theField', policy }, { caller } as RequestContext)).toBe(undefined)
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

describe('the gate', () => {
  const everybody = ROLES.flatMap((role) => CLIENT_TYPES.map((type) => `${role} ${type}`))
  const watchers = [
    'EVALUATOR HEIMDALL',
    'OBSERVER HEIMDALL',
    ...CLIENT_TYPES.map((type) => `OPERATOR ${type}`),
    ...CLIENT_TYPES.map((type) => `ADMIN ${type}`),
  ]

  it.each<[AllowedDuring, MaintenanceModeName, string[]]>([
    ['always', 'NORMAL', everybody],
    ['always', 'READ_ONLY', everybody],
    ['always', 'MAINTENANCE', everybody],
    ['read', 'NORMAL', everybody],
    ['read', 'READ_ONLY', everybody],
    ['read', 'MAINTENANCE', watchers],
    ['write', 'NORMAL', everybody],
    ['write', 'READ_ONLY', []],
    ['write', 'MAINTENANCE', []],
  ])('lets through what is allowed %s in %s, for each role and client type', (allowedDuring, mode, passing) => {
    const passed = ROLES.flatMap((role) =>
      CLIENT_TYPES.filter((type) => !refusalOf(stateOf({ mode }), { allowedDuring, caller: callerOf(role, type) })).map(
        (type) => `${role} ${type}`,
      ),
    )
    expect(passed).toEqual(passing)
  })

  it('lets nobody read in MAINTENANCE who has no role and is no dashboard', () => {
    expect(refusalOf(stateOf({ mode: 'MAINTENANCE' }), { allowedDuring: 'read', caller: callerOf(null, null) })?.code).toBe('MAINTENANCE')
  })

  it('goes by windows as by the switch, and by its own clock', () => {
    const call = { allowedDuring: 'write', caller: callerOf('ADMIN', 'TYR') } as const
    const snapshot = stateOf({}, { mode: 'READ_ONLY' })
    const seen = [-60.001, -60, 0, 59.999, 60].map(
      (seconds) => refusalOf(snapshot, call, inSeconds(seconds))?.extensions['mode'] ?? 'passed',
    )
    expect(seen).toEqual(['passed', 'READ_ONLY', 'READ_ONLY', 'READ_ONLY', 'passed'])
  })
})

describe('a refusal', () => {
  const write = { allowedDuring: 'write', caller: callerOf('ADMIN', 'TYR') } as const

  it('says why, and when it ends where that is known, in words and for machines', () => {
    const refusal = refusalOf(stateOf({}, { description: 'moving house' }), write)
    expect(refusal?.message).toBe(
      '`theField` is refused: the control plane is down for maintenance (moving house). Try again after 2026-06-01T12:01:00.000Z.',
    )
    expect([refusal?.status, refusal?.headers.get('retry-after')]).toEqual([503, '60'])
    const { http: _http, ...extensions } = refusal?.extensions ?? {}
    const expected = {
      mode: 'MAINTENANCE',
      reason: 'moving house',
      endsAt: '2026-06-01T12:01:00.000Z',
      code: 'MAINTENANCE',
      retryAfterSeconds: 60,
    }
    expect(extensions).toEqual(expected)
  })

  it('names no end where nobody knows one', () => {
    const refusal = refusalOf(stateOf({ mode: 'READ_ONLY' }), write)
    expect(refusal?.message).toBe('`theField` is refused: the control plane takes no changes. No end is set; follow `maintenanceState`.')
    expect([refusal?.status, refusal?.headers.get('retry-after')]).toEqual([503, undefined])
    const { http: _http, ...extensions } = refusal?.extensions ?? {}
    expect(extensions).toEqual({ mode: 'READ_ONLY', reason: null, code: 'MAINTENANCE' })
  })
})

describe('what the operations declare', () => {
  /** Allowed in every mode; everything else is a query or subscription (read) or a mutation (write). */
  const ALWAYS: ReadonlySet<string> = new Set([
    'query isFeatureEnabled',
    'query evaluateFlag',
    'query evaluateFlags',
    'query maintenanceState',
    'query systemSummary',
    'query systemStatus',
    'query viewer',
    'subscription maintenanceState',
    'mutation setMaintenanceMode',
    'mutation cancelMaintenanceWindow',
    'mutation deactivateApiClient',
    'mutation rotateApiKey',
    'mutation runSmokeTest',
    'mutation verifyApiKey',
    'mutation consumeRateLimit',
    // Each of its steps is asked on its own, as the mutation that does the same.
    'mutation runAdminOperation',
  ])

  it('is what docs/semantics.md promises of every mode', () => {
    const declared = rootFieldsOf(schemaOf(packs)).map(({ kind, name, policy }) => [`${kind} ${name}`, policy?.allowedDuring])
    const promised = declared.map(([field]) => {
      if (ALWAYS.has(String(field))) return [field, 'always']
      return [field, String(field).startsWith('mutation') ? 'write' : 'read']
    })
    expect(declared).toEqual(promised)
    expect(declared.length).toBeGreaterThan(25)
    expect(MAINTENANCE_MODES).toEqual(['NORMAL', 'READ_ONLY', 'MAINTENANCE'])
  })
})
