import type { MaintenanceModeName } from '../../core/contract/operation.js'
import { defineCollection } from '../../core/state/collection.js'

/** A time for which a mode is planned. */
export interface MaintenanceWindow {
  readonly id: string
  /** The first moment of the window. */
  readonly startsAt: Date
  /** The first moment after it. */
  readonly endsAt: Date
  readonly mode: MaintenanceModeName
  readonly description: string | null
  /** False: cancelled. */
  readonly isActive: boolean
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Where a window stands, in the order in which it goes through them; CANCELLED ends it early. */
export const WINDOW_STATUSES = ['SCHEDULED', 'ONGOING', 'COMPLETED', 'CANCELLED'] as const
export type WindowStatus = (typeof WINDOW_STATUSES)[number]

/** All windows, by id: in the order in which they were scheduled. */
export const maintenanceWindows = defineCollection<MaintenanceWindow>({
  name: 'MaintenanceWindow',
  pack: 'UE',
  table: 'maintenance_windows',
  key: 'id',
  id: 'id',
  version: 'version',
  writePermission: () => 'maintenance:write',
  fields: {
    id: 'text',
    startsAt: 'timestamp',
    endsAt: 'timestamp',
    mode: 'text',
    description: 'text',
    isActive: 'boolean',
    version: 'integer',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
  },
})

/** Where a window stands at `now`: nothing has to run for it to move on. */
export function windowStatus({ isActive, startsAt, endsAt }: MaintenanceWindow, now: Date): WindowStatus {
  if (!isActive) return 'CANCELLED'
  if (now < startsAt) return 'SCHEDULED'
  return now < endsAt ? 'ONGOING' : 'COMPLETED'
}

/** Whether a window still has something ahead of it: it is neither completed nor cancelled. */
export function isWindowOpen({ isActive, endsAt }: MaintenanceWindow, now: Date): boolean {
  return isActive && now < endsAt
}
