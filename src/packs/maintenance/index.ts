import { samplesBy } from '../../core/contract/measure.js'
import { MAINTENANCE_MODES, MAINTENANCE_OVERRIDE } from '../../core/contract/operation.js'
import { definePack } from '../../core/contract/pack.js'
import { maintenanceAt } from './effective.js'
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
  measures: ({ ledger, clock }) => [
    {
      name: 'valhalla_maintenance_mode',
      help: '1 for the mode that is in force, 0 for the others.',
      kind: 'gauge',
      labelNames: ['mode'],
      read() {
        const { mode } = maintenanceAt(ledger.snapshot, clock.now())
        return samplesBy(
          'mode',
          MAINTENANCE_MODES.map((each) => [each, Number(each === mode)] as const),
        )
      },
    },
  ],
  async prepare({ ledger }, caller) {
    await ledger.commit({ command: initialiseMaintenance, input: {}, caller, correlationId: 'start', reason: 'first start' })
  },
})
