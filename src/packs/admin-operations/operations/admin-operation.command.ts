import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import type { Demand, PackWrite, Past } from '../../../core/contract/write.js'
import { mapInSlices } from '../../../core/platform/slices.js'
import { type ChangeRecord, MAX_REASON_LENGTH } from '../../../core/state/change.js'
import { type Command, type CommandContext, done, type LongCommand, refused } from '../../../core/state/command.js'
import type { Draft, DraftChange } from '../../../core/state/draft.js'
import type { Json } from '../../../core/values/json.js'
import { findTextFaults } from '../../../core/values/text.js'
import { beginProving, type Claim } from '../smoke-guard/guarded-operation.commands.js'

/** Most steps of one operation. */
export const MAX_STEPS = 1_000

/** One step, with the command that does it. */
export interface BoundStep {
  readonly name: string
  readonly command: Command<object, unknown>
  readonly input: object
  /** What the caller has to hold besides the permission of the step. */
  readonly demands?: readonly Demand[]
}

/** A write as a step; the command of one that depends on what once was is made for this input. */
export async function bindStep(past: Past, { name, command }: PackWrite, input: object): Promise<BoundStep> {
  if (typeof command === 'function') return { name, input, ...(await command(past, input as never)) }
  return { name, input, command: command as unknown as BoundStep['command'] }
}

/** What one step does to one object; the step is the one that has the last word on it, counted from 0. */
export type PlannedChangeData = Pick<ChangeRecord, 'pack' | 'targetType' | 'targetId' | 'action' | 'before' | 'after'> & { step: number }

/** What an operation is made of. */
export interface AdminOperation {
  readonly steps: readonly BoundStep[]
  /** Why; that of each step which does not have its own. */
  readonly reason?: string | null | undefined
  /** What the operation was planned on and does not hold any more: such faults go before those of the steps. */
  readonly findStale?: ((draft: Draft) => readonly UserErrorData[]) | undefined
  /** Who proves it once it is committed, if anybody does: noted in the same revision, provided that there is something to prove. */
  readonly claim?: Claim | undefined
}

/**
 * One command out of several: all steps on one draft, so that they land under one revision or not at all. Every fault of
 * every step is reported, below `steps.<index>.<name>`.
 */
export function createAdminCommand(operation: AdminOperation): LongCommand<object, readonly PlannedChangeData[]> {
  const { steps, reason, findStale, claim } = operation
  return {
    name: 'runAdminOperation',
    isRevertible: steps.every(({ command }) => command.isRevertible),
    async prepare(_input, context) {
      const faults = await mapInSlices(steps, (step) => findStepFaults(step, operation, context))
      return faults.flatMap((found, index) => below(steps, index, found))
    },
    async run(draft, _input, context) {
      const faults = await runSteps(draft, operation, context)
      // A step that fails, or has nothing left to do, may do so just because its object has moved on.
      const stale = findStale?.(draft) ?? []
      if (stale.length > 0) return refused(...stale)
      if (faults.length > 0) return refused(...faults)
      const plan = (await draft.changesInSlices()).map(toPlanned)
      if (claim && plan.length > 0) {
        draft.because(reason ?? null)
        beginProving(draft, claim, context)
      }
      return done(plan)
    },
    replay: { toJson: (plan) => plan as unknown as Json, fromJson: (json) => json as unknown as readonly PlannedChangeData[] },
  }
}

/**
 * What can be said of a step before it is run. The operation's reason stands for that of the step here only: a command may
 * keep its own as a part of the state, for everybody to see.
 */
async function findStepFaults(
  { command, input }: BoundStep,
  { reason }: AdminOperation,
  context: CommandContext,
): Promise<UserErrorData[]> {
  const own = ownReason(input)
  const faults = (await command.prepare?.(own === null && reason ? { ...input, reason } : input, context)) ?? []
  return [...faults, ...findTextFaults(own, ['reason'], MAX_REASON_LENGTH)]
}

function ownReason(input: object): string | null {
  return 'reason' in input && typeof input.reason === 'string' && input.reason.trim() !== '' ? input.reason : null
}

/** Runs every step, also behind one that was refused: later faults are worth knowing too. */
async function runSteps(draft: Draft, { steps, reason }: AdminOperation, context: CommandContext): Promise<UserErrorData[]> {
  const faults = await mapInSlices(steps, ({ command, input }, index) => {
    draft.because(ownReason(input) ?? reason ?? null, index)
    const result = command.run(draft, input, context)
    return result.ok ? [] : below(steps, index, result.userErrors)
  })
  return faults.flat()
}

function below(steps: readonly BoundStep[], index: number, faults: readonly UserErrorData[]): UserErrorData[] {
  const place = ['steps', String(index), steps[index]?.name ?? '']
  return faults.map(({ code, message, field }) => userError(code, [...place, ...(field ?? [])], message))
}

/** A draft's change as a plan shows it. */
export function toPlanned({ collection, id, part, action, before, after }: DraftChange): PlannedChangeData {
  return { step: part, pack: collection.pack, targetType: collection.name, targetId: id, action, before, after }
}
