import { SYSTEM_CALLER } from '../../src/core/contract/caller.js'
import type { Command, CommandResult } from '../../src/core/state/command.js'
import { Draft } from '../../src/core/state/draft.js'
import { Snapshot } from '../../src/core/state/snapshot.js'
import { maintenanceAt } from '../../src/packs/maintenance/effective.js'
import { scheduleMaintenanceWindow } from '../../src/packs/maintenance/maintenance.commands.js'
import type { ScheduleMaintenanceWindowInput } from '../../src/packs/maintenance/maintenance.inputs.js'
import { maintenanceSwitchCollection } from '../../src/packs/maintenance/maintenance-switch.collection.js'
import { type MaintenanceWindowRecord, maintenanceWindowCollection } from '../../src/packs/maintenance/maintenance-window.collection.js'
import { commandContext } from './commands.js'

const NOON = Date.UTC(2026, 5, 1, 12)
/** Seconds of a day. */
export const DAY_S = 86_400
/** A moment, in seconds after noon, when the tests begin. */
export const at = (seconds: number): Date => new Date(NOON + seconds * 1000)

/** The pack's state, and a clock that stands still until it is moved. */
export class World {
  snapshot = Snapshot.empty([maintenanceSwitchCollection, maintenanceWindowCollection], { revision: 0, digest: '' })
  seconds = 0
  #made = 0

  do<I extends object, O>(command: Command<I, O>, input: I): CommandResult<O> {
    const draft = new Draft(this.snapshot)
    const newId = (): string => {
      this.#made += 1
      return `w-${String(this.#made).padStart(5, '0')}`
    }
    const result = command.run(draft, input, commandContext({ caller: SYSTEM_CALLER, now: at(this.seconds), newId }))
    const { revision, digest } = this.snapshot
    if (result.ok && draft.changes().length > 0) this.snapshot = draft.toSnapshot({ revision: revision + 1, digest })
    return result
  }

  schedule(start: number, end: number, more: Partial<ScheduleMaintenanceWindowInput> = {}): MaintenanceWindowRecord {
    const result = this.do(scheduleMaintenanceWindow, { startsAt: at(start), endsAt: at(end), ...more })
    if (!result.ok) throw new Error(JSON.stringify(result.userErrors))
    return result.value
  }

  get mode() {
    return maintenanceAt(this.snapshot, at(this.seconds)).mode
  }
}

/** Codes and fields of the faults, in order. */
export const faultsOf = (result: CommandResult<unknown>) =>
  result.ok ? [] : result.userErrors.map(({ code, field }) => [code, field?.join('.') ?? null])
