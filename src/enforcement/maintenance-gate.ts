import type { AuditSink } from '../core/background/audit.js'
import { type Caller, hasAtLeast } from '../core/contract/caller.js'
import { AppError } from '../core/contract/errors.js'
import { type AllowedDuring, MAINTENANCE_OVERRIDE, type MaintenanceModeName } from '../core/contract/operation.js'
import type { Ledger } from '../core/ledger/ledger.js'
import type { Clock } from '../core/platform/clock.js'
import { maintenanceAt, retryAfterSeconds } from '../packs/maintenance/index.js'
import type { Check, GuardedCall } from './guard.js'

/** The code of the audit event of a call that was let through whatever mode is in force. */
const OVERRIDDEN = 'MAINTENANCE_OVERRIDDEN'

/** Whether a mode lets a caller do what is allowed then; `always` is not asked about. */
function isLetThrough(mode: MaintenanceModeName, allowedDuring: Exclude<AllowedDuring, 'always'>, caller: Caller): boolean {
  switch (allowedDuring) {
    case 'write':
      return mode === 'NORMAL'
    case 'read':
      return mode !== 'MAINTENANCE' || canWatch(caller)
    default:
      return allowedDuring satisfies never
  }
}

/** Those who mend, and dashboards: who watches goes on watching. */
function canWatch({ role, clientType }: Caller): boolean {
  return clientType === 'HEIMDALL' || (role !== null && hasAtLeast(role, 'OPERATOR'))
}

/** AppError MAINTENANCE, with its reason and its end where that is known. */
function refusal(name: string, effective: ReturnType<typeof maintenanceAt>, now: Date): AppError {
  const { mode, reason, until } = effective
  const seconds = retryAfterSeconds(effective, now)
  const endsAt = until?.toISOString()
  const what = mode === 'READ_ONLY' ? 'takes no changes' : 'is down for maintenance'
  const why = reason === null ? '' : ` (${reason})`
  const next = endsAt === undefined ? 'No end is set; follow `maintenanceState`.' : `Try again after ${endsAt}.`
  return new AppError('MAINTENANCE', `\`${name}\` is refused: the control plane ${what}${why}. ${next}`, {
    ...(seconds === null ? {} : { retryAfterSeconds: seconds }),
    extensions: { mode, reason, ...(endsAt === undefined ? {} : { endsAt }) },
  })
}

/** Whether a call asks to be let through whatever mode is in force. */
function isOverride({ policy, args }: GuardedCall): boolean {
  const input = policy.isOverridable ? args?.['input'] : undefined
  return typeof input === 'object' && input !== null && 'overrideMaintenance' in input && input.overrideMaintenance === true
}

/** What the gate asks and tells. */
export interface MaintenanceGateParts {
  readonly ledger: Pick<Ledger, 'snapshot'>
  readonly clock: Clock
  /** Told of each call that was let through whatever mode is in force. */
  readonly audit: AuditSink
}

/**
 * The gate as a check of the guard: decides on the newest state that this process has, by its own wall clock. It is put
 * before every root field, and before every event of a subscription.
 */
export function createMaintenanceGate({ ledger, clock, audit }: MaintenanceGateParts): Check {
  return (call, { caller, remoteAddress, requestId }) => {
    const { name, policy, isInOverride } = call
    const { allowedDuring } = policy
    if (allowedDuring === 'always' || isInOverride) return undefined
    const now = clock.now()
    const effective = maintenanceAt(ledger.snapshot, now)
    const { mode } = effective
    if (isOverride(call)) {
      if (!caller.permissions.has(MAINTENANCE_OVERRIDE))
        throw new AppError(
          'FORBIDDEN',
          `\`overrideMaintenance\` needs the permission ${MAINTENANCE_OVERRIDE}, which your role does not have.`,
        )
      audit.record({ operation: name, outcome: 'SUCCEEDED', code: OVERRIDDEN, caller, remoteAddress, detail: { requestId, mode } })
      return undefined
    }
    if (isLetThrough(mode, allowedDuring, caller)) return undefined
    throw refusal(name, effective, now)
  }
}
