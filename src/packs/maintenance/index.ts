import { MAINTENANCE_OVERRIDE } from '../../core/contract/operation.js'
import { definePack } from '../../core/contract/pack.js'
import { initialiseMaintenance } from './maintenance.commands.js'
import { MaintenanceStateResolver, MaintenanceWindowResolver } from './maintenance.resolver.js'
import { maintenanceWrites } from './maintenance.writes.js'
import { MAINTENANCE_READ, MAINTENANCE_STATE, MAINTENANCE_WRITE, maintenanceSwitchCollection } from './maintenance-switch.collection.js'
import { maintenanceWindowCollection } from './maintenance-window.collection.js'

export { maintenanceAt, retryAfterSeconds } from './effective.js'

/** UE: the switch and the windows that freeze the control plane for a while. */
export const maintenance = definePack({
  id: 'UE',
  collections: [maintenanceSwitchCollection, maintenanceWindowCollection],
  permissions: {
    [MAINTENANCE_STATE]: 'EVALUATOR',
    [MAINTENANCE_READ]: 'OBSERVER',
    [MAINTENANCE_WRITE]: 'OPERATOR',
    [MAINTENANCE_OVERRIDE]: 'OPERATOR',
  },
  writes: maintenanceWrites,
  resolvers: [MaintenanceStateResolver, MaintenanceWindowResolver],
  async prepare({ ledger }, caller) {
    await ledger.commit({ command: initialiseMaintenance, input: {}, caller, correlationId: 'start', reason: 'first start' })
  },
})
