import { type UserErrorData, userError } from '../../core/errors.js'
import { isSameJson, type Json, type JsonObject } from '../../core/json.js'
import { type Command, type CommandContext, done, refused } from '../../core/state/command.js'
import type { ChangeAction, Draft, DraftChange } from '../../core/state/draft.js'
import type { Snapshot } from '../../core/state/snapshot.js'

/** Most steps of one operation. */
export const MAX_STEPS = 100

/** One step, with the command that does it. */
export interface BoundStep {
  readonly name: string
  readonly command: Command<object, unknown>
  readonly input: object
}

/** What one step does to one object. */
export interface PlannedChangeData {
  /** Index of the step that has the last word on the object, from 0. */
  readonly step: number
  readonly pack: string
  readonly targetType: string
  readonly targetId: string
  readonly action: ChangeAction
  readonly before: JsonObject | null
  readonly after: JsonObject | null
}

/** What an operation is made of. */
export interface AdminOperation {
  readonly steps: readonly BoundStep[]
  /** When given, the operation is refused where an object that it touches is not what it was in this state. */
  readonly plannedOn?: Snapshot | undefined
}

/**
 * One command out of several: all steps on one draft, so that they land under one revision or not at all. Every fault of
 * every step is reported, below `steps.<index>.<name>`.
 */
export function createAdminCommand({ steps, plannedOn }: AdminOperation): Command<object, readonly PlannedChangeData[]> {
  return {
    name: 'runAdminOperation',
    pack: 'UF',
    isRevertible: steps.every(({ command }) => command.isRevertible),
    async prepare(_input, caller) {
      const faults = await Promise.all(steps.map(({ command, input }) => command.prepare?.(input, caller) ?? []))
      return faults.flatMap((found, index) => below(steps, index, found))
    },
    run(draft, _input, context) {
      const { faults, stepOf } = runSteps(draft, steps, context)
      if (faults.length > 0) return refused(...faults)
      const changes = draft.changes()
      const stale = plannedOn ? findStale(changes, draft.base, plannedOn) : []
      return stale.length > 0 ? refused(...stale) : done(changes.map((change) => toPlanned(change, stepOf.get(markOf(change)) ?? 0)))
    },
    replay: { toJson: (plan) => plan as unknown as Json, fromJson: (json) => json as unknown as readonly PlannedChangeData[] },
  }
}

/** Runs every step, also behind one that was refused: later faults are worth knowing too. */
function runSteps(draft: Draft, steps: readonly BoundStep[], context: CommandContext) {
  const faults: UserErrorData[] = []
  const stepOf = new Map<string, number>()
  let records = new Map<string, object | undefined>()
  for (const [index, { command, input }] of steps.entries()) {
    const result = command.run(draft, input, context)
    if (!result.ok) faults.push(...below(steps, index, result.userErrors))
    const now = new Map(draft.changes().map((change) => [markOf(change), change.record]))
    for (const [mark, record] of now) if (!records.has(mark) || records.get(mark) !== record) stepOf.set(mark, index)
    records = now
  }
  return { faults, stepOf }
}

function below(steps: readonly BoundStep[], index: number, faults: readonly UserErrorData[]): UserErrorData[] {
  const place = ['steps', String(index), steps[index]?.name ?? '']
  return faults.map(({ code, message, field }) => userError(code, [...place, ...(field ?? [])], message))
}

function markOf({ collection, key }: DraftChange): string {
  return `${collection.name}\u0000${key}`
}

function findStale(changes: readonly DraftChange[], base: Snapshot, plannedOn: Snapshot): UserErrorData[] {
  return changes.flatMap(({ collection, key }) => {
    const [planned, actual] = [plannedOn, base].map((state) => {
      const record = state.table(collection.name).get(key)
      return record ? collection.imageOf(record) : null
    })
    return isSameJson(planned, actual) ? [] : [stalePlan(collection.name, key)]
  })
}

/** The refusal of a plan that an object has moved away from. */
export function stalePlan(targetType: string, targetKey: string): UserErrorData {
  return userError(
    'STALE_PLAN',
    ['plannedAtRevision'],
    `${targetType} ${targetKey} has changed since the plan was made. Plan again, and look at what is different.`,
  )
}

/** A draft's change as a plan shows it. */
export function toPlanned({ collection, id, action, before, after }: DraftChange, step: number): PlannedChangeData {
  return { step, pack: collection.pack, targetType: collection.name, targetId: id, action, before, after }
}
