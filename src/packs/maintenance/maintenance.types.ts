import { Field, ID, Int, ObjectType } from 'type-graphql'
import type { MaintenanceModeName } from '../../core/contract/operation.js'
import { editedType } from '../../core/graphql/bases.js'
import { connectionOf } from '../../core/graphql/connection.js'
import { MaintenanceModes } from '../../core/graphql/maintenance-mode.js'
import { DateTimeISO, enumType } from '../../core/graphql/scalars.js'
import type { WindowStatus } from './maintenance-window.collection.js'

/** The GraphQL enum of window statuses. */
export const MaintenanceWindowStatuses = enumType<WindowStatus>(
  'MaintenanceWindowStatus',
  'Where a window stands, by the clock of the replica that answers.',
  {
    SCHEDULED: 'It has not begun.',
    ONGOING: 'It has begun and has not ended.',
    COMPLETED: 'It has ended.',
    CANCELLED: 'It was cancelled before its end.',
  },
)

/** A window as it is shown; its status depends on the time. */
@ObjectType('MaintenanceWindow', { simpleResolvers: true, description: 'A time for which READ_ONLY or MAINTENANCE is planned.' })
export class MaintenanceWindow extends editedType({
  version: 'Counts its edits, from 1; pass it as expectedVersion to guard a cancellation.',
  createdAt: 'When it was scheduled.',
  updatedAt: 'When it was last changed; beginning and ending do not count.',
}) {
  @Field(() => ID, { description: 'Identifies the window, also in the change log.' })
  id!: string
  @Field(() => DateTimeISO, { description: 'Its first moment.' })
  startsAt!: Date
  @Field(() => DateTimeISO, { description: 'The first moment after it.' })
  endsAt!: Date
  @Field(() => MaintenanceModes, { description: 'The mode that it brings.' })
  mode!: MaintenanceModeName
  @Field(() => String, { nullable: true, description: 'What happens in it.' })
  description!: string | null
  @Field(() => Boolean, { description: 'Whether it stands; false: it was cancelled.' })
  isActive!: boolean
}

/** A page of windows. */
export const MaintenanceWindowConnection = connectionOf(MaintenanceWindow, 'MaintenanceWindow')

/** What is in force. */
@ObjectType('MaintenanceState', {
  simpleResolvers: true,
  description:
    'What is in force now, decided by the wall clock of the replica that answers: keep the clocks of all replicas in step. Windows begin and end by themselves.',
})
export class MaintenanceState {
  @Field(() => MaintenanceModes, { description: 'What is in force: the strictest of the switch and of every window that is ongoing.' })
  mode!: MaintenanceModeName
  @Field(() => MaintenanceModes, { description: 'The switch alone; NORMAL once it has expired.' })
  switchMode!: MaintenanceModeName
  @Field(() => String, { nullable: true, description: "Why: the switch's reason or the window's description, whichever is the strictest." })
  reason!: string | null
  @Field(() => DateTimeISO, { nullable: true, description: 'When the switch goes back to NORMAL by itself; null: it does not.' })
  expiresAt!: Date | null
  @Field(() => DateTimeISO, { description: 'When the switch was last set.' })
  updatedAt!: Date
  @Field(() => MaintenanceWindow, {
    nullable: true,
    description: 'The strictest window that is ongoing (of equal ones the one that ends last); null when there is none.',
  })
  ongoingWindow!: MaintenanceWindow | null
  @Field(() => MaintenanceWindow, { nullable: true, description: 'The window that begins next; null when none is planned.' })
  nextWindow!: MaintenanceWindow | null
  @Field(() => Int, {
    nullable: true,
    description:
      'Seconds until the mode is NORMAL again, across windows that meet or overlap; null when it is NORMAL, or when the switch has no expiry.',
  })
  retryAfterSeconds!: number | null
}
