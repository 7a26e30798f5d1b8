import type { MaintenanceModeName } from '../../core/contract/operation.js'
import type { View } from '../../core/state/collection.js'
import { defineCollection } from '../../core/state/collection.js'

/** The one switch that holds until it is set again or expires. */
export interface MaintenanceSwitch {
  readonly id: string
  readonly mode: MaintenanceModeName
  readonly reason: string | null
  /** From then on the switch counts as NORMAL; null for never. */
  readonly expiresAt: Date | null
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Key of the one row. */
export const MAINTENANCE_SWITCH_ID = 'maintenance'

/** The collection of the one row. */
export const maintenanceSwitches = defineCollection<MaintenanceSwitch>({
  name: 'MaintenanceState',
  pack: 'UE',
  table: 'maintenance_state',
  key: 'id',
  id: 'id',
  version: 'version',
  writePermission: () => 'maintenance:write',
  fields: {
    id: 'text',
    mode: 'text',
    reason: 'text',
    expiresAt: 'timestamp',
    version: 'integer',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
  },
})

/** What holds where there is no row: nothing was ever switched. */
const NEVER_SET: MaintenanceSwitch = Object.freeze({
  id: MAINTENANCE_SWITCH_ID,
  mode: 'NORMAL',
  reason: null,
  expiresAt: null,
  version: 0,
  createdAt: new Date(0),
  updatedAt: new Date(0),
})

/** The switch of a state. */
export function switchOf(switches: Pick<View<MaintenanceSwitch>, 'get'>): MaintenanceSwitch {
  return switches.get(MAINTENANCE_SWITCH_ID) ?? NEVER_SET
}
