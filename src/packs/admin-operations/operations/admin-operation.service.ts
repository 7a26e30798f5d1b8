import type { CoreServices } from '../../../core/contract/core-services.js'
import { AppError, type UserErrorData, userError } from '../../../core/contract/errors.js'
import type { Demand, PackWrite } from '../../../core/contract/write.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { calledNames } from '../../../core/history/called.js'
import { catchUpTo } from '../../../core/history/revision-number.js'
import { findKeptAnswer } from '../../../core/ledger/kept-answer.js'
import { newId } from '../../../core/platform/ids.js'
import { mapInSlices } from '../../../core/platform/slices.js'
import type { ChangeRecord } from '../../../core/state/change.js'
import { withoutEmpty } from '../../../core/state/input.js'
import { changesOfTargets, createRevertCommand, findRevertSubject, withoutBookkeeping } from '../../../core/state/revert.js'
import type { Write, WriteOutcome } from '../../../core/state/write.js'
import type { Claim } from '../smoke-guard/guarded-operation.commands.js'
import { smokeGuard } from '../smoke-guard/smoke-guard.js'
import { type BoundStep, bindStep, createAdminCommand, MAX_STEPS, type PlannedChangeData, toPlanned } from './admin-operation.command.js'
import type {
  AdminStepInput,
  PlanResult,
  RevertRevisionInput,
  RevertRevisionPayload,
  RunAdminOperationInput,
  RunAdminOperationPayload,
} from './admin-operation.types.js'
import { findWhatMoved } from './planned-state.js'
import { demandRights } from './rights.js'

type AdminWrite = Write<object, readonly PlannedChangeData[]>
/** A write, and what it is to be done with. */
type NamedStep = readonly [PackWrite, object]
type Committed = Extract<WriteOutcome<readonly PlannedChangeData[]>, { ok: true }>

/** Plans, applies, proves and reverts changes over several packs. */
export class AdminOperationService {
  readonly #core: CoreServices

  constructor(core: CoreServices) {
    this.#core = core
  }

  /** Runs steps together, or tells what they would do. The caller needs the right to each of them. */
  async run(context: RequestContext, input: RunAdminOperationInput): Promise<RunAdminOperationPayload> {
    const named = this.#named(input.steps)
    const isOverride = input.overrideMaintenance ?? false
    // Before the commands are made: that may be much to ask of the log.
    for (const name of new Set(named.map(([{ name }]) => name))) await context.admit(name, { isOverride })
    const steps = await this.#bind(context, named)
    for (const { demands = [] } of steps) demandRights(context.caller, demands)
    const faults = [
      ...findOverrideFaults(input),
      ...findStepFaults(steps),
      ...(await this.#findRevisionFaults(context, input.plannedAtRevision)),
    ]
    if (faults.length > 0) return this.#refused(faults)
    const findStale = await this.#findStale(context, steps, input.plannedAtRevision)
    const claim = input.guardWithSmokeTest ? { id: newId(), instanceId: this.#core.instanceId } : undefined
    const command = createAdminCommand({ steps, reason: input.reason, findStale, claim })
    const write = { ...writeOf(context, input, steps), command }
    return input.dryRun ? this.#plan(write) : this.#apply(context, write, claim)
  }

  /** Tells what steps would do, to whoever may read what they are about. */
  async plan(context: RequestContext, given: readonly AdminStepInput[]): Promise<PlanResult> {
    const steps = await this.#bind(context, this.#named(given))
    const faults = findStepFaults(steps)
    if (faults.length > 0) return this.#refused(faults)
    return this.#plan({ ...writeOf(context, { steps: given }, steps), command: createAdminCommand({ steps }) })
  }

  /** Puts back what a revision changed, or tells what that would be. The caller needs the right to each kind of object. */
  async revert(context: RequestContext, input: RevertRevisionInput): Promise<RevertRevisionPayload> {
    const core = this.#core
    const { revision, targetIds } = input
    const faults = findOverrideFaults(input)
    if (faults.length > 0) return { plan: [], changes: [], revision: null, userErrors: faults }
    const changes = await core.changeLog.ofRevision(revision)
    const subject = await findRevertSubject(core.changeLog, { changes, collections: core.collections })
    demandRights(context.caller, this.#demandsOf(changesOfTargets(subject.changes, input)))
    const write = {
      command: createRevertCommand(subject),
      input: { revision, targetIds },
      caller: context.caller,
      correlationId: context.requestId,
      reason: input.reason ?? `revert of ${targetIds ? 'a part of ' : ''}revision ${revision}`,
    }
    if (input.dryRun) {
      await catchUpTo(context, revision)
      const plan = await core.ledger.plan(write)
      if (!plan.ok) return { plan: [], changes: [], revision: null, userErrors: plan.userErrors }
      return { plan: plan.changes.map(toPlanned), changes: [], revision: null, userErrors: [] }
    }
    const outcome = await core.ledger.commit(write)
    context.snapshot = core.ledger.snapshot
    if (!outcome.ok) return { plan: [], changes: [], revision: null, userErrors: outcome.userErrors }
    return { plan: outcome.changes.map(asPlanned), changes: outcome.changes, revision: outcome.revision, userErrors: [] }
  }

  async #plan(write: AdminWrite): Promise<RunAdminOperationPayload> {
    const plan = await this.#core.ledger.plan(write)
    if (!plan.ok) return this.#refused(plan.userErrors)
    return { ...this.#refused([]), plan: plan.value, plannedAtRevision: plan.revision }
  }

  async #apply(context: RequestContext, write: AdminWrite, claim: Claim | undefined): Promise<RunAdminOperationPayload> {
    const outcome = claim ? await this.#commitGuarded(write, claim) : await this.#core.ledger.commit(write)
    if (!outcome.ok) return this.#refused(outcome.userErrors)
    const settled = claim && outcome.revision !== null ? await this.#core.once(smokeGuard).outcomeAt(outcome.revision) : {}
    return { ...(await this.#done(context, outcome)), ...settled }
  }

  /** A call that is a repetition needs no smoke test of its own: what it asks for has happened already. */
  async #commitGuarded(write: AdminWrite, claim: Claim): Promise<WriteOutcome<readonly PlannedChangeData[]>> {
    return (await findKeptAnswer(this.#core, write)) ?? this.#core.once(smokeGuard).commit(write, claim)
  }

  async #done(context: RequestContext, { revision, value: plan, changes, isReplay }: Committed): Promise<RunAdminOperationPayload> {
    const { ledger, changeLog } = this.#core
    context.snapshot = ledger.snapshot
    const logged = isReplay && revision !== null ? await changeLog.ofRevision(revision) : changes
    const made = withoutBookkeeping(logged, this.#core.collections)
    return { ...this.#refused([]), plan, changes: made, revision, plannedAtRevision: (revision ?? ledger.snapshot.revision + 1) - 1 }
  }

  #named(steps: readonly AdminStepInput[]): readonly NamedStep[] {
    if (steps.length === 0 || steps.length > MAX_STEPS) {
      throw new AppError('BAD_USER_INPUT', `An admin operation has 1 to ${MAX_STEPS} steps, this one has ${steps.length}.`)
    }
    return steps.map((fields) => {
      const [name, input] = Object.entries(fields).find(([, value]) => value !== undefined && value !== null) ?? []
      const step = name === undefined ? undefined : this.#core.writes.get(name)
      if (!step || !input) throw new AppError('BAD_USER_INPUT', 'Each step has exactly one field.')
      return [step, input]
    })
  }

  /** Makes the commands: what they need of the log is read once for all of them. */
  #bind(context: RequestContext, steps: readonly NamedStep[]): Promise<readonly BoundStep[]> {
    const past = { ...this.#core, names: context.once(calledNames) }
    return mapInSlices(steps, ([step, input]) => bindStep(past, step, input))
  }

  async #findRevisionFaults(context: RequestContext, plannedAtRevision: number | null | undefined): Promise<UserErrorData[]> {
    if (plannedAtRevision === undefined || plannedAtRevision === null) return []
    await catchUpTo(context, plannedAtRevision)
    const { revision } = this.#core.ledger.snapshot
    if (plannedAtRevision >= 0 && plannedAtRevision <= revision) return []
    return [userError('INVALID', ['plannedAtRevision'], `There is no revision ${plannedAtRevision} yet; the newest is ${revision}.`)]
  }

  #findStale({ caller }: RequestContext, steps: readonly BoundStep[], plannedAtRevision: number | null | undefined) {
    if (plannedAtRevision === undefined || plannedAtRevision === null) return undefined
    return findWhatMoved(this.#core, { steps, caller, plannedAtRevision })
  }

  #demandsOf(changes: readonly ChangeRecord[]): Demand[] {
    const byName = new Map(this.#core.collections.map((collection) => [collection.name, collection]))
    return changes.flatMap(({ targetType, before, after }) => {
      const permission = byName.get(targetType)?.writePermission(before, after)
      return permission === undefined ? [] : [{ targetType, permission }]
    })
  }

  #refused(userErrors: readonly UserErrorData[]): RunAdminOperationPayload {
    const plannedAtRevision = this.#core.ledger.snapshot.revision
    return { plan: [], plannedAtRevision, changes: [], revision: null, wasReverted: false, smokeTestRun: null, userErrors }
  }
}

function writeOf(context: RequestContext, input: RunAdminOperationInput, steps: readonly BoundStep[]) {
  const { plannedAtRevision, guardWithSmokeTest, reason } = input
  return {
    input: {
      steps: steps.map((step) => ({ [step.name]: withoutEmpty(step.input) })),
      plannedAtRevision,
      guardWithSmokeTest: guardWithSmokeTest ?? false,
      reason,
    },
    caller: context.caller,
    correlationId: context.requestId,
    reason: reason ?? null,
    idempotencyKey: input.dryRun ? null : (input.idempotencyKey ?? null),
  }
}

/** A change that was made, as a plan shows it. */
function asPlanned({ pack, targetType, targetId, action, before, after }: ChangeRecord): PlannedChangeData {
  return { step: 0, pack, targetType, targetId, action, before, after }
}

/** Whoever acts in spite of maintenance says why. */
function findOverrideFaults({
  overrideMaintenance,
  reason,
}: Pick<RunAdminOperationInput, 'overrideMaintenance' | 'reason'>): UserErrorData[] {
  if (!overrideMaintenance || reason?.trim()) return []
  return [userError('REQUIRED', ['reason'], 'Say why this has to be done in spite of maintenance; it stands in the change log.')]
}

/** A step does not repeat itself: the key that would let it belongs to the operation. */
function findStepFaults(steps: readonly BoundStep[]): UserErrorData[] {
  return steps.flatMap(({ name, input }, index) =>
    'idempotencyKey' in input && input.idempotencyKey
      ? [
          userError(
            'INVALID',
            ['steps', String(index), name, 'idempotencyKey'],
            'Give the idempotency key to the operation itself, not to a step.',
          ),
        ]
      : [],
  )
}

/** The one service of a server. */
export const adminOperationService = (core: CoreServices): AdminOperationService => new AdminOperationService(core)
