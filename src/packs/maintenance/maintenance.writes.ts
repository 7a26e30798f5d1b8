import { write } from '../../core/graphql/write.js'
import { cancelMaintenanceWindow, scheduleMaintenanceWindow, setMaintenanceMode, updateMaintenanceWindow } from './maintenance.commands.js'
import {
  CancelMaintenanceWindowInput,
  ScheduleMaintenanceWindowInput,
  SetMaintenanceModeInput,
  UpdateMaintenanceWindowInput,
} from './maintenance.inputs.js'
import { MaintenanceState, MaintenanceWindow } from './maintenance.types.js'
import { MAINTENANCE_WRITE } from './maintenance-switch.collection.js'
import { viewState } from './maintenance-view.js'

/** Said of what leads out of maintenance; cost 0, since a rate limit must not stand in the way back to NORMAL either. */
const NEVER_LOCKED_OUT = { allowedDuring: 'always', cost: 0 } as const

/** Everything that can change the maintenance state. */
export const maintenanceWrites = [
  write({
    command: setMaintenanceMode,
    input: SetMaintenanceModeInput,
    permission: MAINTENANCE_WRITE,
    ...NEVER_LOCKED_OUT,
    description: 'Sets the switch, at once and on every replica within a second. Always allowed to those who may: nobody is locked out.',
    takes: 'The mode, and why and until when.',
    step: 'Sets the maintenance switch.',
    returns: {
      field: 'maintenanceState',
      type: () => MaintenanceState,
      description: 'What is in force now (a window can be stricter than the switch); null when there are user errors.',
      show: (_switch, context) => viewState(context),
    },
  }),
  write({
    command: scheduleMaintenanceWindow,
    input: ScheduleMaintenanceWindowInput,
    permission: MAINTENANCE_WRITE,
    // Far away and of the mildest mode: it is a real window all the same.
    sample:
      'input: { startsAt: "2099-01-01T00:00:00.000Z", endsAt: "2099-01-01T01:00:00.000Z", mode: READ_ONLY, description: "A trial; cancel it again" }',
    description: 'Plans a window; it begins and ends by itself.',
    takes: 'When, which mode, and why.',
    step: 'Plans a maintenance window.',
    returns: { field: 'maintenanceWindow', type: () => MaintenanceWindow, description: 'The window; null when there are user errors.' },
  }),
  write({
    command: updateMaintenanceWindow,
    input: UpdateMaintenanceWindowInput,
    permission: MAINTENANCE_WRITE,
    description: 'Moves a window that is not over, or changes its mode or its words. To end one at once, cancel it.',
    takes: 'Which one, and what is to be different.',
    step: 'Changes a maintenance window that is not over.',
    returns: {
      field: 'maintenanceWindow',
      type: () => MaintenanceWindow,
      description: 'The window as it is now; null when there are user errors.',
    },
  }),
  write({
    command: cancelMaintenanceWindow,
    input: CancelMaintenanceWindowInput,
    permission: MAINTENANCE_WRITE,
    ...NEVER_LOCKED_OUT,
    description:
      'Cancels a window that is not over; one that is ongoing ends at once. Always allowed to those who may: nobody is locked out.',
    takes: 'Which one.',
    step: 'Cancels a maintenance window that is not over.',
    returns: {
      field: 'maintenanceWindow',
      type: () => MaintenanceWindow,
      description: 'The window as it is now; null when there are user errors.',
    },
  }),
]
