import { MAINTENANCE_MODES, type MaintenanceModeName } from '../../core/contract/operation.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { type MaintenanceSwitchRecord, maintenanceSwitchCollection, switchOf } from './maintenance-switch.collection.js'
import { isWindowOpen, type MaintenanceWindowRecord, maintenanceWindowCollection } from './maintenance-window.collection.js'

/** What is in force, and for how long that holds if nobody changes anything. */
export interface EffectiveMaintenance {
  /** The strictest of the switch and of every ongoing window. */
  readonly mode: MaintenanceModeName
  /** The switch alone: NORMAL once it has expired. */
  readonly switchMode: MaintenanceModeName
  /** Why `mode` is in force: the reason of the switch or the description of the window, whichever is the strictest. */
  readonly reason: string | null
  /** The strictest ongoing window; of equal ones the one that ends last. */
  readonly ongoingWindow: MaintenanceWindowRecord | null
  /** The window that begins next; of equal ones the strictest. */
  readonly nextWindow: MaintenanceWindowRecord | null
  /** The first moment at which the mode is NORMAL again; null when it is NORMAL, or when nobody knows. */
  readonly until: Date | null
  /** All of this holds from here (milliseconds since 1970; the last window or expiry that began or ended, if any) ... */
  readonly validFromMs: number
  /** ... until here, exclusively: the next one. */
  readonly validUntilMs: number
}

/** Largest Int of GraphQL: 68 years, in seconds. */
const MAX_SECONDS = 2 ** 31 - 1

const strictnessOf = (mode: MaintenanceModeName): number => MAINTENANCE_MODES.indexOf(mode)

/**
 * What is in force at `now`: a pure function of the switch, the windows and the time, so that no job has to run for a
 * window to begin. Windows hold from `startsAt` on and before `endsAt`.
 */
export function effectiveMaintenance(
  theSwitch: MaintenanceSwitchRecord,
  windows: Iterable<MaintenanceWindowRecord>,
  now: Date,
): EffectiveMaintenance {
  const open: MaintenanceWindowRecord[] = []
  const bounds: Date[] = []
  for (const window of windows) {
    if (window.isActive) bounds.push(window.startsAt, window.endsAt)
    if (isWindowOpen(window, now)) open.push(window)
  }
  if (theSwitch.expiresAt) bounds.push(theSwitch.expiresAt)
  const isSwitchOver = theSwitch.expiresAt !== null && theSwitch.expiresAt <= now
  const switchMode = isSwitchOver ? 'NORMAL' : theSwitch.mode
  const ongoing = first(
    open.filter(({ startsAt }) => startsAt <= now),
    byStrictness,
    (a, b) => b.endsAt.getTime() - a.endsAt.getTime(),
  )
  const upcoming = open.filter(({ startsAt }) => startsAt > now)
  const isWindowStricter = ongoing !== null && strictnessOf(ongoing.mode) > strictnessOf(switchMode)
  const mode = isWindowStricter ? ongoing.mode : switchMode
  return {
    mode,
    switchMode,
    reason: reasonOf(mode, { mode: switchMode, reason: isSwitchOver ? null : theSwitch.reason }, ongoing),
    ongoingWindow: ongoing,
    nextWindow: first(upcoming, byStart, byStrictness),
    until: mode === 'NORMAL' ? null : firstNormalMoment({ switchMode, expiresAt: theSwitch.expiresAt, open, now }),
    ...validity(bounds, now),
  }
}

/** The words of what is strictest; of switch and window alike, the switch's come first. */
function reasonOf(
  mode: MaintenanceModeName,
  theSwitch: Pick<MaintenanceSwitchRecord, 'mode' | 'reason'>,
  ongoing: MaintenanceWindowRecord | null,
): string | null {
  const ofSwitch = theSwitch.mode === mode ? theSwitch.reason : null
  return ofSwitch ?? (ongoing?.mode === mode ? ongoing.description : null)
}

type Order = (a: MaintenanceWindowRecord, b: MaintenanceWindowRecord) => number
const byStart: Order = (a, b) => a.startsAt.getTime() - b.startsAt.getTime()
const byStrictness: Order = (a, b) => strictnessOf(b.mode) - strictnessOf(a.mode)

/** The first by these orders, and among equals by id, so that every replica names the same one. */
function first(windows: readonly MaintenanceWindowRecord[], ...orders: readonly Order[]): MaintenanceWindowRecord | null {
  const compare: Order = (a, b) => {
    for (const order of orders) {
      const difference = order(a, b)
      if (difference !== 0) return difference
    }
    return a.id < b.id ? -1 : 1
  }
  return windows.reduce<MaintenanceWindowRecord | null>((best, window) => (best && compare(best, window) < 0 ? best : window), null)
}

/** Follows the switch and windows that meet or overlap to where the first gap is; null while the switch has no end. */
function firstNormalMoment(of: {
  switchMode: MaintenanceModeName
  expiresAt: Date | null
  open: readonly MaintenanceWindowRecord[]
  now: Date
}): Date | null {
  let end = of.now
  if (of.switchMode !== 'NORMAL') {
    if (of.expiresAt === null) return null
    end = of.expiresAt
  }
  for (const { startsAt, endsAt, mode } of of.open.toSorted(byStart)) {
    if (startsAt > end) break
    if (endsAt > end && mode !== 'NORMAL') end = endsAt
  }
  return end
}

function validity(bounds: readonly Date[], now: Date): Pick<EffectiveMaintenance, 'validFromMs' | 'validUntilMs'> {
  let validFromMs = Number.NEGATIVE_INFINITY
  let validUntilMs = Number.POSITIVE_INFINITY
  for (const bound of bounds) {
    const ms = bound.getTime()
    if (ms <= now.getTime()) validFromMs = Math.max(validFromMs, ms)
    else validUntilMs = Math.min(validUntilMs, ms)
  }
  return { validFromMs, validUntilMs }
}

/** Whole seconds until the mode is NORMAL again, at least 1; null when it is NORMAL, or when nobody knows. */
export function retryAfterSeconds({ until }: Pick<EffectiveMaintenance, 'until'>, now: Date): number | null {
  if (until === null) return null
  return Math.min(Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000)), MAX_SECONDS)
}

interface Known {
  readonly switches: object
  readonly effective: EffectiveMaintenance
}

/** What was computed last for the windows of a state; forgotten together with them. */
const known = new WeakMap<object, Known>()

/**
 * What is in force in a state at `now`. A state that is asked again answers from what it knows until the next window or
 * expiry, which costs one look-up: every call passes here.
 */
export function maintenanceAt(snapshot: Snapshot, now: Date): EffectiveMaintenance {
  const switches = snapshot.view(maintenanceSwitchCollection)
  const windows = snapshot.view(maintenanceWindowCollection)
  const last = known.get(windows)
  if (last?.switches === switches && isValidAt(last.effective, now)) return last.effective
  const effective = Object.freeze(effectiveMaintenance(switchOf(switches), windows.values(), now))
  known.set(windows, { switches, effective })
  return effective
}

function isValidAt({ validFromMs, validUntilMs }: EffectiveMaintenance, now: Date): boolean {
  const ms = now.getTime()
  return validFromMs <= ms && ms < validUntilMs
}
