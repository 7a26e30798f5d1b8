import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { revise, seal } from '../../core/state/collection.js'
import { type Command, done, refused } from '../../core/state/command.js'
import type { Draft } from '../../core/state/draft.js'
import { findVersionFaults } from '../../core/state/expectations.js'
import { findNullFaults } from '../../core/values/faults.js'
import type { JsonObject } from '../../core/values/json.js'
import { findTextFaults } from '../../core/values/text.js'
import type {
  CancelMaintenanceWindowInput,
  ScheduleMaintenanceWindowInput,
  SetMaintenanceModeInput,
  UpdateMaintenanceWindowInput,
} from './maintenance.inputs.js'
import { type MaintenanceSwitchRecord, maintenanceSwitchCollection, switchOf } from './maintenance-switch.collection.js'
import { isWindowOpen, type MaintenanceWindowRecord, maintenanceWindowCollection, windowStatus } from './maintenance-window.collection.js'

/** Longest window, in days. */
const MAX_WINDOW_DAYS = 31
/** Most windows that are not over. */
export const MAX_OPEN_WINDOWS = 1_000
const DAY_MS = 86_400_000

/** Sets the switch's row: made anew where there is none. */
function put(draft: Draft, patch: Partial<MaintenanceSwitchRecord>, now: Date): MaintenanceSwitchRecord {
  const before = switchOf(draft.view(maintenanceSwitchCollection))
  const after =
    before.version === 0
      ? seal(maintenanceSwitchCollection, { ...before, ...patch, version: 1, createdAt: now, updatedAt: now })
      : revise(maintenanceSwitchCollection, before, { patch, now })
  draft.put(maintenanceSwitchCollection, after)
  return after
}

/** Makes the switch's row at the first start; does nothing when it is there. */
export const initialiseMaintenance: Command<object, MaintenanceSwitchRecord> = {
  name: 'initialiseMaintenance',
  isRevertible: false,
  run: (draft, _input, { now }) => done(put(draft, {}, now)),
}

/** Sets the switch as a whole: reason and expiry that are left out are cleared, so that none outlives its setting. */
export const setMaintenanceMode: Command<SetMaintenanceModeInput, MaintenanceSwitchRecord> = {
  name: 'setMaintenanceMode',
  isRevertible: true,
  run(draft, { mode, reason, expiresAt }, { now }) {
    const faults: UserErrorData[] = []
    if (expiresAt && expiresAt <= now) {
      faults.push(userError('INVALID', ['expiresAt'], `The expiry must be in the future; it is ${now.toISOString()} now.`))
    }
    if (expiresAt && mode === 'NORMAL') {
      faults.push(
        userError('INVALID', ['expiresAt'], 'NORMAL does not expire: leave expiresAt out, and schedule a window for what comes later.'),
      )
    }
    if (faults.length > 0) return refused(...faults)
    return done(put(draft, { mode, reason: reason ?? null, expiresAt: expiresAt ?? null }, now))
  },
}

function findWindowFaults({ startsAt, endsAt, mode, description }: ScheduleMaintenanceWindowInput, now: Date): UserErrorData[] {
  const faults = findTextFaults(description, ['description'])
  if (mode === 'NORMAL')
    faults.push(userError('INVALID', ['mode'], 'A window brings READ_ONLY or MAINTENANCE; one of NORMAL would do nothing.'))
  if (endsAt <= startsAt) faults.push(userError('INVALID', ['endsAt'], 'A window must end after it starts.'))
  else if (endsAt.getTime() - startsAt.getTime() > MAX_WINDOW_DAYS * DAY_MS) {
    faults.push(userError('INVALID', ['endsAt'], `A window can be at most ${MAX_WINDOW_DAYS} days long.`))
  }
  if (endsAt <= now) faults.push(userError('INVALID', ['endsAt'], `A window must end in the future; it is ${now.toISOString()} now.`))
  return faults
}

/** Plans a window. Windows may overlap: the strictest of those that are ongoing is in force. */
export const scheduleMaintenanceWindow: Command<ScheduleMaintenanceWindowInput, MaintenanceWindowRecord> = {
  name: 'scheduleMaintenanceWindow',
  isRevertible: true,
  run(draft, input, { now, newId }) {
    const faults = findWindowFaults(input, now)
    let open = 0
    for (const window of draft.view(maintenanceWindowCollection).values()) if (isWindowOpen(window, now)) open += 1
    if (open >= MAX_OPEN_WINDOWS) {
      faults.push(userError('LIMIT_EXCEEDED', [], `There are ${open} windows that are not over, the most there can be. Cancel some first.`))
    }
    if (faults.length > 0) return refused(...faults)
    const { startsAt, endsAt } = input
    const plan = { startsAt, endsAt, mode: input.mode ?? 'MAINTENANCE', description: input.description ?? null }
    const window = { id: newId(), ...plan, isActive: true, version: 1, createdAt: now, updatedAt: now }
    draft.put(maintenanceWindowCollection, seal(maintenanceWindowCollection, window))
    return done(window)
  },
  replay: {
    toJson: (window) => maintenanceWindowCollection.imageOf(window),
    fromJson: (json) => maintenanceWindowCollection.fromImage(json as JsonObject),
  },
}

/** Faults of doing something to a window that is over. */
function findOverFaults(window: MaintenanceWindowRecord, verb: 'cancelled' | 'changed', now: Date): UserErrorData[] {
  if (isWindowOpen(window, now)) return []
  const message = `The window is ${windowStatus(window, now)}; only one that is SCHEDULED or ONGOING can be ${verb}.`
  return [userError('INVALID_STATE', ['id'], message)]
}

/** Changes a window that is not over: what comes out has to be one that could be planned now. */
export const updateMaintenanceWindow: Command<UpdateMaintenanceWindowInput, MaintenanceWindowRecord> = {
  name: 'updateMaintenanceWindow',
  isRevertible: true,
  run(draft, input, { now }) {
    const before = draft.get(maintenanceWindowCollection, input.id)
    if (!before) return refused(userError('NOT_FOUND', ['id'], 'There is no window of this id. Plan one with scheduleMaintenanceWindow.'))
    const { startsAt, endsAt, mode, description = before.description } = input
    const patch = { startsAt: startsAt ?? before.startsAt, endsAt: endsAt ?? before.endsAt, mode: mode ?? before.mode, description }
    const over = findOverFaults(before, 'changed', now)
    const faults = [
      ...findVersionFaults(maintenanceWindowCollection, before, input.expectedVersion),
      ...over,
      ...findNullFaults(input, ['startsAt', 'endsAt', 'mode']),
      // Of one that is over, that its end has passed says nothing more.
      ...(over.length > 0 ? [] : findWindowFaults(patch, now)),
    ]
    if (faults.length > 0) return refused(...faults)
    const after = revise(maintenanceWindowCollection, before, { patch, now })
    draft.put(maintenanceWindowCollection, after)
    return done(after)
  },
}

/** Cancels a window that is not over; one that is ongoing ends at once. */
export const cancelMaintenanceWindow: Command<CancelMaintenanceWindowInput, MaintenanceWindowRecord> = {
  name: 'cancelMaintenanceWindow',
  isRevertible: true,
  run(draft, { id, expectedVersion }, { now }) {
    const before = draft.get(maintenanceWindowCollection, id)
    if (!before) return refused(userError('NOT_FOUND', ['id'], 'There is no window of this id; nothing had to be cancelled.'))
    const faults = [...findVersionFaults(maintenanceWindowCollection, before, expectedVersion), ...findOverFaults(before, 'cancelled', now)]
    if (faults.length > 0) return refused(...faults)
    const after = revise(maintenanceWindowCollection, before, { patch: { isActive: false }, now })
    draft.put(maintenanceWindowCollection, after)
    return done(after)
  },
}
