import type { Pack } from '../../core/contract/pack.js'
import { cancelMaintenanceWindow, initialiseMaintenance, scheduleMaintenanceWindow, setMaintenanceMode } from './maintenance.commands.js'
import { CancelMaintenanceWindowInput, ScheduleMaintenanceWindowInput, SetMaintenanceModeInput } from './maintenance.inputs.js'
import { MaintenanceStateResolver, MaintenanceWindowResolver, maintenanceEvents } from './maintenance.resolver.js'
import { maintenanceSwitches } from './maintenance-switch.collection.js'
import { maintenanceWindows } from './maintenance-window.collection.js'

export { maintenanceAt, retryAfterSeconds } from './effective.js'

/** UE: the switch and the windows that freeze the control plane for a while. */
export const maintenance: Pack = {
  id: 'UE',
  collections: [maintenanceSwitches, maintenanceWindows],
  permissions: { 'maintenance:state': 'EVALUATOR', 'maintenance:read': 'OBSERVER', 'maintenance:write': 'OPERATOR' },
  steps: [
    {
      name: setMaintenanceMode.name,
      input: SetMaintenanceModeInput,
      description: 'Sets the maintenance switch.',
      command: () => setMaintenanceMode,
    },
    {
      name: scheduleMaintenanceWindow.name,
      input: ScheduleMaintenanceWindowInput,
      description: 'Plans a maintenance window.',
      command: () => scheduleMaintenanceWindow,
    },
    {
      name: cancelMaintenanceWindow.name,
      input: CancelMaintenanceWindowInput,
      description: 'Cancels a maintenance window that is not over.',
      command: () => cancelMaintenanceWindow,
    },
  ],
  resolvers: (core) => [new MaintenanceStateResolver(core), new MaintenanceWindowResolver(core), maintenanceEvents(core)],
  async prepare({ ledger }, caller) {
    await ledger.commit({ command: initialiseMaintenance, input: {}, caller, correlationId: 'start', reason: 'first start' })
  },
}
