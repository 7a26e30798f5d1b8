import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Caller, CLIENT_TYPES, type ClientType, ROLES, type Role } from '../core/contract/caller.js'
import { AppError } from '../core/contract/errors.js'
import { type AllowedDuring, MAINTENANCE_MODES, type MaintenanceModeName } from '../core/contract/operation.js'
import type { RequestContext } from '../core/graphql/context.js'
import { Draft } from '../core/state/draft.js'
import { Snapshot } from '../core/state/snapshot.js'
import { packs } from '../packs/index.js'
import { type MaintenanceSwitchRecord, maintenanceSwitchCollection } from '../packs/maintenance/maintenance-switch.collection.js'
import { type MaintenanceWindowRecord, maintenanceWindowCollection } from '../packs/maintenance/maintenance-window.collection.js'
import { buildPackSchema } from '../server/schema.js'
import { createMaintenanceGate } from './maintenance-gate.js'
import { rootFieldsOf } from './root-fields.js'

const NOW = new Date('2026-06-01T12:00:00.000Z')
const inSeconds = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)

/** A state whose switch and window are these. */
function stateOf(theSwitch: Partial<MaintenanceSwitchRecord>, window?: Partial<MaintenanceWindowRecord>): Snapshot {
  const draft = new Draft(Snapshot.empty([maintenanceSwitchCollection, maintenanceWindowCollection], { revision: 0, digest: '' }))
  const stamps = { version: 1, createdAt: NOW, updatedAt: NOW }
  const normal = { id: 'maintenance', mode: 'NORMAL', reason: null, expiresAt: null } as const
  draft.put(maintenanceSwitchCollection, { ...normal, ...stamps, ...theSwitch })
  const plan = { id: 'w', startsAt: inSeconds(-60), endsAt: inSeconds(60), mode: 'MAINTENANCE', description: null, isActive: true } as const
  if (window) draft.put(maintenanceWindowCollection, { ...plan, ...stamps, ...window })
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
  const gate = createMaintenanceGate({
    ledger: { snapshot },
    clock: { now: () => now, monotonicMs: () => 0 },
    audit: { record: () => undefined },
  })
  const policy = {
    permission: null,
    writes: allowedDuring === 'write',
    allowedDuring,
    isOverridable: false,
    cost: 1,
  }
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
  const PAGE = readFileSync(new URL('../../docs/semantics.md', import.meta.url), 'utf8')
  /** The cells of the page's table for NORMAL, READ_ONLY and MAINTENANCE, and what they mean of an operation. */
  const MEANING: Readonly<Record<string, AllowedDuring>> = {
    'yes|yes|yes': 'always',
    'yes|yes|OPERATOR, ADMIN, and clients of type HEIMDALL': 'read',
    'yes|no|no': 'write',
  }
  const EVALUATION = ['isFeatureEnabled', 'evaluateFlag', 'evaluateFlags']

  /** The rows of the table: what they are about, and what holds of it. */
  function promises(): [string, AllowedDuring | undefined][] {
    const [, rest = ''] = PAGE.split('| | NORMAL | READ_ONLY | MAINTENANCE |\n|---|---|---|---|\n')
    const rows = rest.slice(0, rest.indexOf('\n\n')).split('\n')
    return rows.map((row) => {
      const [subject = '', ...cells] = row
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim())
      return [subject, MEANING[cells.join('|')]]
    })
  }

  /** What the page promises of an operation. */
  function promiseOf(kind: string, name: string): AllowedDuring | undefined {
    const rows = promises()
    const isNamed = ([subject]: [string, unknown]): boolean =>
      subject.includes(`\`${name}\``) || (subject.startsWith('evaluation') && EVALUATION.includes(name))
    const isOther = ([subject]: [string, unknown]): boolean =>
      kind === 'mutation' ? subject.startsWith('every other mutation') : subject === 'other queries and subscriptions'
    return (rows.find(isNamed) ?? rows.find(isOther))?.[1]
  }

  it('is what docs/semantics.md promises of every mode', () => {
    const fields = rootFieldsOf(buildPackSchema(packs))
    const declared = fields.map(({ kind, name, policy }) => [`${kind} ${name}`, policy?.allowedDuring])
    const promised = fields.map(({ kind, name }) => [`${kind} ${name}`, promiseOf(kind, name)])
    expect(declared).toEqual(promised)
    expect(declared.length).toBeGreaterThan(25)
    expect(MAINTENANCE_MODES).toEqual(['NORMAL', 'READ_ONLY', 'MAINTENANCE'])
  })
})
