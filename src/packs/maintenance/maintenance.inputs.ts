import { Field, ID, InputType } from 'type-graphql'
import type { MaintenanceModeName } from '../../core/contract/operation.js'
import { editInput, ReasonInput } from '../../core/graphql/bases.js'
import { MaintenanceModes } from '../../core/graphql/maintenance-mode.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'
import { MaintenanceWindowStatuses } from './maintenance.types.js'
import type { WindowStatus } from './maintenance-window.collection.js'

/** Input of setMaintenanceMode. */
@InputType('SetMaintenanceModeInput', {
  description: 'Sets the switch. What is left out is cleared: reason and expiry belong to this setting.',
})
export class SetMaintenanceModeInput {
  @Field(() => MaintenanceModes, { description: 'The mode of the switch. A window that is ongoing can still be stricter.' })
  mode!: MaintenanceModeName
  @Field(() => String, { nullable: true, description: 'Why; whoever is refused is told, and it stands in the change log.' })
  reason?: string | null
  @Field(() => DateTimeISO, {
    nullable: true,
    description: 'From then on the switch is at NORMAL again; it must be in the future. Left out: it stays until it is set again.',
  })
  expiresAt?: Date | null
}

/** Input of scheduleMaintenanceWindow. */
@InputType('ScheduleMaintenanceWindowInput', {
  description: 'Plans a window: from `startsAt` on and before `endsAt` its mode is in force.',
})
export class ScheduleMaintenanceWindowInput extends ReasonInput {
  @Field(() => DateTimeISO, { description: 'Its first moment; in the past it begins at once.' })
  startsAt!: Date
  @Field(() => DateTimeISO, { description: 'The first moment after it: behind `startsAt`, by 31 days at most, and in the future.' })
  endsAt!: Date
  @Field(() => MaintenanceModes, {
    nullable: true,
    defaultValue: 'MAINTENANCE',
    description: 'READ_ONLY or MAINTENANCE. Windows may overlap; the strictest is in force.',
  })
  mode?: MaintenanceModeName | null
  @Field(() => String, { nullable: true, description: 'What happens in it; whoever is refused is told.' })
  description?: string | null
  @Field(() => String, {
    nullable: true,
    description: 'Any text of your own: a second call with the same key and input gets the first answer, for 24 hours.',
  })
  idempotencyKey?: string | null
}

/** Input of updateMaintenanceWindow. */
@InputType('UpdateMaintenanceWindowInput', { description: 'Changes a window that is not over. What is left out stays as it is.' })
export class UpdateMaintenanceWindowInput extends editInput('window') {
  @Field(() => ID, { description: "The window's `id`." })
  id!: string
  @Field(() => DateTimeISO, { nullable: true, description: 'Its first moment; in the past it begins at once.' })
  startsAt?: Date | null
  @Field(() => DateTimeISO, {
    nullable: true,
    description: 'The first moment after it: behind `startsAt`, by 31 days at most, and in the future.',
  })
  endsAt?: Date | null
  @Field(() => MaintenanceModes, { nullable: true, description: 'READ_ONLY or MAINTENANCE.' })
  mode?: MaintenanceModeName | null
  @Field(() => String, { nullable: true, description: 'What happens in it; whoever is refused is told. null clears it.' })
  description?: string | null
}

/** Input of cancelMaintenanceWindow. */
@InputType('CancelMaintenanceWindowInput', { description: 'Cancels a window that is not over. One that is ongoing ends at once.' })
export class CancelMaintenanceWindowInput extends editInput('window') {
  @Field(() => ID, { description: "The window's `id`." })
  id!: string
}

/** Filter of maintenanceWindows. */
@InputType('MaintenanceWindowFilter', { description: 'Which windows are meant; what is left out does not matter.' })
export class MaintenanceWindowFilter {
  @Field(() => MaintenanceWindowStatuses, { nullable: true, description: 'That stand there now.' })
  status?: WindowStatus | null
  @Field(() => Boolean, { nullable: true, description: 'That are not cancelled (true) or are (false).' })
  isActive?: boolean | null
  @Field(() => DateTimeISO, { nullable: true, description: 'That begin after this moment.' })
  startsAfter?: Date | null
  @Field(() => DateTimeISO, { nullable: true, description: 'That end before this moment.' })
  endsBefore?: Date | null
}
