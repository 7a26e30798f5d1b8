import { type Caller, hasAtLeast } from '../core/contract/caller.js'
import { AppError } from '../core/contract/errors.js'
import type { AllowedDuring, MaintenanceModeName } from '../core/contract/operation.js'
import type { Ledger } from '../core/ledger/ledger.js'
import type { Clock } from '../core/platform/clock.js'
import type { Snapshot } from '../core/state/snapshot.js'
import { maintenanceAt, retryAfterSeconds } from '../packs/maintenance/index.js'
import type { Check } from './guard.js'

/** What is asked of the gate: an operation, or one step of a larger one. */
export interface GatedCall {
  /** Of the root field, or of the mutation that a step stands for. */
  readonly name: string
  readonly allowedDuring: AllowedDuring
  readonly caller: Pick<Caller, 'role' | 'clientType'>
}

/** When and on which state the gate decides. */
export interface GateMoment {
  readonly snapshot: Snapshot
  readonly now: Date
}

/** Whether a mode lets a call through. */
export function isLetThrough(mode: MaintenanceModeName, { allowedDuring, caller }: Pick<GatedCall, 'allowedDuring' | 'caller'>): boolean {
  switch (allowedDuring) {
    case 'always':
      return true
    case 'write':
      return mode === 'NORMAL'
    case 'read':
      return mode !== 'MAINTENANCE' || canWatch(caller)
    default:
      return allowedDuring satisfies never
  }
}

/** Those who mend, and dashboards: who watches goes on watching. */
function canWatch({ role, clientType }: GatedCall['caller']): boolean {
  return clientType === 'HEIMDALL' || (role !== null && hasAtLeast(role, 'OPERATOR'))
}

/** Throws AppError MAINTENANCE, with its reason and its end where that is known, when the mode in force does not let a call through. */
export function refuseDuringMaintenance(call: GatedCall, { snapshot, now }: GateMoment): void {
  if (call.allowedDuring === 'always') return
  const effective = maintenanceAt(snapshot, now)
  if (isLetThrough(effective.mode, call)) return
  const { mode, reason, until } = effective
  const seconds = retryAfterSeconds(effective, now)
  const endsAt = until?.toISOString()
  const what = mode === 'READ_ONLY' ? 'takes no changes' : 'is down for maintenance'
  const why = reason === null ? '' : ` (${reason})`
  const next = endsAt === undefined ? 'No end is set; follow `maintenanceState`.' : `Try again after ${endsAt}.`
  throw new AppError('MAINTENANCE', `\`${call.name}\` is refused: the control plane ${what}${why}. ${next}`, {
    ...(seconds === null ? {} : { retryAfterSeconds: seconds }),
    extensions: { mode, reason, ...(endsAt === undefined ? {} : { endsAt }) },
  })
}

/**
 * The gate as a check of the guard: decides on the newest state that this process has, by its own wall clock. It is put
 * before every root field, and before every event of a subscription.
 */
export function createMaintenanceGate({ ledger, clock }: { readonly ledger: Pick<Ledger, 'snapshot'>; readonly clock: Clock }): Check {
  return ({ name, policy: { allowedDuring } }, { caller }) => {
    if (allowedDuring !== 'always')
      refuseDuringMaintenance({ name, allowedDuring, caller }, { snapshot: ledger.snapshot, now: clock.now() })
    return undefined
  }
}
