import { Extensions, Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import type { UserErrorData } from '../../../core/contract/errors.js'
import type { PackWrite } from '../../../core/contract/write.js'
import { Change, ChangeActions } from '../../../core/graphql/change.types.js'
import { JSONValue } from '../../../core/graphql/scalars.js'
import { UserError } from '../../../core/graphql/user-error.js'
import type { ChangeAction, ChangeRecord } from '../../../core/state/change.js'
import type { JsonObject } from '../../../core/values/json.js'
import type { ProofRun } from '../ports.js'
import { MAX_STEPS, type PlannedChangeData } from './admin-operation.command.js'

/** What a step would do. */
@ObjectType('PlannedChange', { simpleResolvers: true, description: 'What a step does to one object, before it is done or as it was done.' })
export class PlannedChange implements PlannedChangeData {
  @Field(() => Int, { description: 'The step, counted from 0. Where several steps touch one object: the last of them.' })
  step!: number
  @Field(() => ID, { description: 'The pack that owns the object.' })
  pack!: string
  @Field(() => String, { description: 'Type of the object.' })
  targetType!: string
  @Field(() => ID, { description: "The object's `id`. A plan that would make an object shows an id that the real one will not have." })
  targetId!: string
  @Field(() => ChangeActions, { description: 'Whether it is made, changed or removed.' })
  action!: ChangeAction
  @Field(() => JSONValue, { nullable: true, description: 'The object before; null when it is made.' })
  before!: JsonObject | null
  @Field(() => JSONValue, { nullable: true, description: 'The object after; null when it is removed.' })
  after!: JsonObject | null
}

const PLAN = { description: 'What the steps do, object by object.' }
const PLANNED_AT = { description: 'The revision that the plan was made on: pass it back to apply just this plan.' }
const CHANGES = { description: 'The rows of the change log that this made; empty for a dry run.' }
const ERRORS = { description: 'What is wrong with the input; with user errors nothing was changed.' }
const GUARD_ERRORS = {
  description:
    'What is wrong with the input; with user errors nothing was changed. One exception: where `revision` is set too, it was committed, its smoke test failed, and it could not be put back. The message says what to do.',
}
const REVISION = { nullable: true, description: 'The revision that this made; null for a dry run, and when nothing had to change.' }

const OVERRIDE = {
  nullable: true,
  defaultValue: false,
  description:
    'true: goes through in every maintenance mode, as do its steps. Needs the permission maintenance:override and a reason, and is noted in the audit events.',
}

/** What the query plan answers. */
@ObjectType('PlanResult', { simpleResolvers: true, description: 'What steps would do.' })
export class PlanResult {
  @Field(() => [PlannedChange], PLAN)
  plan!: readonly PlannedChangeData[]
  @Field(() => Int, PLANNED_AT)
  plannedAtRevision!: number
  @Field(() => [UserError], { description: 'What is wrong with the steps; with user errors there is no plan.' })
  userErrors!: readonly UserErrorData[]
}

/** What runAdminOperation came to. */
@ObjectType('RunAdminOperationPayload', { simpleResolvers: true, description: 'What runAdminOperation came to.' })
export class RunAdminOperationPayload {
  @Field(() => [PlannedChange], PLAN)
  plan!: readonly PlannedChangeData[]
  @Field(() => Int, PLANNED_AT)
  plannedAtRevision!: number
  @Field(() => [Change], CHANGES)
  changes!: readonly ChangeRecord[]
  @Field(() => Int, REVISION)
  revision!: number | null
  @Field(() => Boolean, {
    description: 'Whether the smoke test failed and the change set was put back: two revisions, this one and its revert.',
  })
  wasReverted!: boolean

  /** Its type is another pack's: the registry declares the field. */
  smokeTestRun!: ProofRun | null
  @Field(() => [UserError], GUARD_ERRORS)
  userErrors!: readonly UserErrorData[]
}

/** What revertRevision came to. */
@ObjectType('RevertRevisionPayload', { simpleResolvers: true, description: 'What revertRevision came to.' })
export class RevertRevisionPayload {
  @Field(() => [PlannedChange], PLAN)
  plan!: readonly PlannedChangeData[]
  @Field(() => [Change], CHANGES)
  changes!: readonly ChangeRecord[]
  @Field(() => Int, REVISION)
  revision!: number | null
  @Field(() => [UserError], ERRORS)
  userErrors!: readonly UserErrorData[]
}

/** Input of revertRevision. */
@InputType('RevertRevisionInput', { description: 'Puts back what a revision changed.' })
export class RevertRevisionInput {
  @Field(() => Int, { description: 'The revision.' })
  revision!: number
  @Field(() => [ID], {
    nullable: true,
    description:
      'Only these of the objects that it changed, by their `id`; left out: all of them. So a part can be put back where another has changed since. An object that was deleted and made again comes with the one that it took the place of.',
  })
  targetIds?: readonly string[] | null
  @Field(() => String, { nullable: true, description: 'Why; stands in the change log.' })
  reason?: string | null
  @Field(() => Boolean, { nullable: true, defaultValue: false, description: 'true: only tell what it would do.' })
  dryRun?: boolean | null
  @Field(() => Boolean, OVERRIDE)
  overrideMaintenance?: boolean | null
}

/** One step: its fields are the packs' writes that can be steps, which the registry declares. */
@Extensions({ isOneOf: true })
@InputType('AdminStepInput', { description: 'One step of an admin operation: exactly one field is given.' })
export class AdminStepInput {
  readonly [step: string]: object | null | undefined
}

/** Input of runAdminOperation. */
@InputType('RunAdminOperationInput', { description: 'Several steps that land together, or not at all.' })
export class RunAdminOperationInput {
  @Field(() => [AdminStepInput], {
    description: `1 to ${MAX_STEPS} steps, done in this order on one state; each sees what the ones before it did. Send many of them as a variable: a document is shorter than that.`,
  })
  steps!: readonly AdminStepInput[]
  @Field(() => String, {
    nullable: true,
    description: 'Why; stands in the change log with every change of a step that has no reason of its own.',
  })
  reason?: string | null
  @Field(() => Boolean, { nullable: true, defaultValue: false, description: 'true: only tell what the steps would do.' })
  dryRun?: boolean | null
  @Field(() => Int, {
    nullable: true,
    description: 'Refuses with STALE_PLAN when an object that a step touches has changed since this revision, and only then.',
  })
  plannedAtRevision?: number | null
  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Probes the service after the commit, and puts everything back when a blocking check fails. Where that is not possible, `userErrors` say so, with `revision` set.',
  })
  guardWithSmokeTest?: boolean | null
  @Field(() => Boolean, OVERRIDE)
  overrideMaintenance?: boolean | null
  @Field(() => String, {
    nullable: true,
    description:
      'The same key and input give the first answer again, for 24 hours; with guardWithSmokeTest, once the smoke test has ended. A UUID is a good one.',
  })
  idempotencyKey?: string | null
}

/** Lets writes be steps. */
export function declareSteps(writes: Iterable<PackWrite>): void {
  for (const { name, input, step } of writes)
    if (step !== undefined) Field(() => input, { nullable: true, description: step })(AdminStepInput.prototype, name)
}
