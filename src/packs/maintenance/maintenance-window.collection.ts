import type { MaintenanceModeName } from '../../core/contract/operation.js'
import { boolean, defineCollection, editFields, nullable, type RecordOf, text, timestamp } from '../../core/state/collection.js'
import { MAINTENANCE_WRITE } from './maintenance-switch.collection.js'

const fields = {
  id: text(),
  /** The first moment of the window. */
  startsAt: timestamp(),
  /** The first moment after it. */
  endsAt: timestamp(),
  mode: text<MaintenanceModeName>(),
  description: nullable(text()),
  /** False: cancelled. */
  isActive: boolean(),
  ...editFields,
}

/** A time for which a mode is planned. */
export type MaintenanceWindowRecord = RecordOf<typeof fields>

/** Where a window stands, in the order in which it goes through them; CANCELLED ends it early. */
export type WindowStatus = 'SCHEDULED' | 'ONGOING' | 'COMPLETED' | 'CANCELLED'

/** All windows, by id: in the order in which they were scheduled. */
export const maintenanceWindowCollection = defineCollection<MaintenanceWindowRecord>({
  name: 'MaintenanceWindow',
  table: 'maintenance_windows',
  key: 'id',
  id: 'id',
  version: 'version',
  writePermission: MAINTENANCE_WRITE,
  searched: {
    kind: 'MAINTENANCE_WINDOW',
    titleOf: ({ description, mode }) => description ?? mode,
    subtitleOf: ({ mode, startsAt, endsAt }) => `${mode} ${startsAt.toISOString()} to ${endsAt.toISOString()}`,
  },
  fields,
})

/** Where a window stands at `now`: nothing has to run for it to move on. */
export function windowStatus({ isActive, startsAt, endsAt }: MaintenanceWindowRecord, now: Date): WindowStatus {
  if (!isActive) return 'CANCELLED'
  if (now < startsAt) return 'SCHEDULED'
  return now < endsAt ? 'ONGOING' : 'COMPLETED'
}

/** Whether a window still has something ahead of it: it is neither completed nor cancelled. */
export function isWindowOpen({ isActive, endsAt }: MaintenanceWindowRecord, now: Date): boolean {
  return isActive && now < endsAt
}
