import type { MaintenanceModeName } from '../../core/contract/operation.js'
import { defineCollection, editFields, nullable, type RecordOf, text, timestamp, type View } from '../../core/state/collection.js'

/** To see what is in force. */
export const MAINTENANCE_STATE = 'maintenance:state'
/** To see the windows, and who changed what. */
export const MAINTENANCE_READ = 'maintenance:read'
/** To set the switch and to plan and cancel windows. */
export const MAINTENANCE_WRITE = 'maintenance:write'

const fields = {
  id: text(),
  mode: text<MaintenanceModeName>(),
  reason: nullable(text()),
  /** From then on the switch counts as NORMAL; null for never. */
  expiresAt: nullable(timestamp()),
  ...editFields,
}

/** The one switch that holds until it is set again or expires. */
export type MaintenanceSwitchRecord = RecordOf<typeof fields>

/** Key of the one row. */
export const MAINTENANCE_SWITCH_ID = 'maintenance'

/** The collection of the one row. */
export const maintenanceSwitchCollection = defineCollection<MaintenanceSwitchRecord>({
  name: 'MaintenanceState',
  table: 'maintenance_state',
  key: 'id',
  id: 'id',
  version: 'version',
  writePermission: MAINTENANCE_WRITE,
  fields,
})

/** What holds where there is no row: nothing was ever switched. */
const NEVER_SET: MaintenanceSwitchRecord = Object.freeze({
  id: MAINTENANCE_SWITCH_ID,
  mode: 'NORMAL',
  reason: null,
  expiresAt: null,
  version: 0,
  createdAt: new Date(0),
  updatedAt: new Date(0),
})

/** The switch of a state. */
export function switchOf(switches: Pick<View<MaintenanceSwitchRecord>, 'get'>): MaintenanceSwitchRecord {
  return switches.get(MAINTENANCE_SWITCH_ID) ?? NEVER_SET
}
