import type { Cli, Given } from '../cli.js'
import { textIn } from '../cli.js'
import { type Locate, refuse } from '../connection/answer-faults.js'
import { graphql, type ResultOf, type VariablesOf } from '../connection/document.js'
import { CliFault, EXIT, usage } from '../fault.js'
import type { Output } from '../output/output.js'
import { withProgress } from '../output/progress.js'
import { newId } from '../platform.js'
import { confirm, demandTerminal } from './ask.js'
import { type PlannedChange, planLines, summaryOf } from './plan-view.js'

/** One step of an admin operation: exactly one member, the name of the step. */
export type Step = Readonly<Record<string, object>>

const PLAN = graphql(`
  query Plan($steps: [AdminStepInput!]!) {
    plan(steps: $steps) {
      plan { step targetType targetId targetKey action before after }
      plannedAtRevision
      userErrors { code message field }
    }
  }
`)

const APPLY = graphql(`
  mutation Apply($input: RunAdminOperationInput!) {
    runAdminOperation(input: $input) {
      plan { step targetType targetId targetKey action before after }
      plannedAtRevision
      revision
      wasReverted
      smokeTestRun { id isOk results { name status isBlocking error } }
      userErrors { code message field }
    }
  }
`)

type StepInputs = VariablesOf<typeof PLAN>['steps']

/** What steps would do, and the revision that this was found at. */
export interface Plan {
  readonly steps: readonly Step[]
  readonly changes: readonly PlannedChange[]
  readonly plannedAtRevision: number
}

/** Has the server plan steps. Throws CliFault when it refuses them. */
export async function planSteps(cli: Cli, steps: readonly Step[], locate?: Locate): Promise<Plan> {
  const { plan } = await cli.ask(PLAN, { steps: steps as StepInputs })
  refuse(plan.userErrors, locate)
  return { steps, changes: plan.plan as readonly PlannedChange[], plannedAtRevision: plan.plannedAtRevision }
}

/** How a change is to be carried out; what is left out is asked for or has its default. */
export interface ChangeOptions {
  readonly isDryRun: boolean
  readonly isAgreed: boolean
  readonly isGuarded: boolean
  readonly overrideMaintenance: boolean
  readonly reason: string | undefined
}

/** The options that every change takes. */
export function changeOptions(given: Given): ChangeOptions {
  return {
    isDryRun: given['dryRun'] === true,
    isAgreed: given['yes'] === true,
    isGuarded: given['guard'] === true,
    overrideMaintenance: given['overrideMaintenance'] === true,
    reason: textIn(given, 'reason'),
  }
}

/** Before anything is asked of the server: whether a change may be begun at all. `instead` is what to do where nobody can be asked. */
export async function admitChange(
  cli: Cli,
  { isDryRun, isAgreed, reason }: ChangeOptions,
  instead = 'pass --yes to apply, or --dry-run to look only',
): Promise<void> {
  if (isDryRun) return
  if (!isAgreed) demandTerminal(cli.out, instead)
  const { isProduction, profileName } = await cli.target()
  if (isProduction && !reason?.trim()) throw usage(`the profile ${profileName} is production: changes have to say why`, 'pass --reason')
}

/** Plans, shows, asks and applies, as one operation. `steps` may ask the server, and is called once the change is admitted. */
export async function propose(cli: Cli, steps: () => Promise<readonly Step[]>, given: Given): Promise<void> {
  const options = changeOptions(given)
  await admitChange(cli, options)
  const plan = await planSteps(cli, await steps())
  await settle(cli, plan, options)
}

/** Shows a plan, asks, and applies it. */
export async function settle(cli: Cli, plan: Plan, options: ChangeOptions & { idempotencyKey?: string; locate?: Locate }): Promise<void> {
  if (options.isDryRun) return showPlan(cli, plan)
  if (plan.changes.length === 0) {
    await printPlan(cli, plan)
    return cli.out.say('Nothing to do: it is so already.')
  }
  const colors = await cli.out.colors('stderr')
  cli.out.say([...planLines(plan.changes, colors), `${summaryOf(plan.changes)}, planned at revision ${plan.plannedAtRevision}`].join('\n'))
  if (!options.isAgreed) await confirm('Apply this?')
  await apply(cli, plan, options)
}

/** Prints a plan, which is what was asked for; ends with 2 where there is something to do. */
export async function showPlan(cli: Cli, plan: Pick<Plan, 'changes' | 'plannedAtRevision'>): Promise<void> {
  await printPlan(cli, plan)
  const { changes, plannedAtRevision } = plan
  if (changes.length === 0) cli.out.say(`No changes: it is so already at revision ${plannedAtRevision}.`)
  else cli.out.say(`${summaryOf(changes)}, planned at revision ${plannedAtRevision}`)
}

async function printPlan({ out }: Cli, { changes, plannedAtRevision }: Pick<Plan, 'changes' | 'plannedAtRevision'>): Promise<void> {
  await printChanges(out, changes, { plan: changes, plannedAtRevision })
}

/** Prints what would change, or what differs; ends with 2 where anything does. `data` is what JSON and YAML show. */
export async function printChanges(out: Output, changes: readonly PlannedChange[], data: object): Promise<void> {
  if (out.format === 'json' || out.format === 'yaml') await out.data(data)
  else if (out.format === 'name') out.lines(changes.map(({ targetKey }) => targetKey))
  else
    out.text(
      planLines(changes, await out.colors('stdout'))
        .map((line) => `${line}\n`)
        .join(''),
    )
  if (changes.length > 0) process.exitCode = EXIT.changes
}

type Applied = ResultOf<typeof APPLY>['runAdminOperation']

async function apply(cli: Cli, plan: Plan, options: ChangeOptions & { idempotencyKey?: string; locate?: Locate }): Promise<void> {
  const { steps, plannedAtRevision } = plan
  // Made before the first try: whatever is sent again is the same operation.
  const { isGuarded, overrideMaintenance, reason, idempotencyKey = newId() } = options
  const input = {
    steps: steps as StepInputs,
    plannedAtRevision,
    idempotencyKey,
    reason,
    overrideMaintenance,
    guardWithSmokeTest: isGuarded,
  }
  const { runAdminOperation } = await withProgress(cli.out, isGuarded ? 'Applying, and proving it' : 'Applying', () =>
    cli.askAgain(APPLY, { input }),
  )
  refuse(runAdminOperation.userErrors, options.locate)
  await report(cli, runAdminOperation)
}

async function report({ out }: Cli, applied: Applied): Promise<void> {
  const { revision, wasReverted, smokeTestRun } = applied
  if (out.format === 'json' || out.format === 'yaml') await out.data(applied)
  else if (out.format === 'name') out.lines(applied.plan.map(({ targetKey }) => targetKey))
  if (wasReverted) {
    const failed = (smokeTestRun?.results ?? []).filter(({ status }) => status === 'FAILED').map(({ name, error }) => `${name}: ${error}`)
    throw new CliFault(EXIT.fault, ['the smoke test failed, and everything was put back', ...failed].join('\nerror: '))
  }
  out.say(revision === null ? 'Nothing to do: it is so already.' : `Applied as revision ${revision}.  Undo: valhalla revert ${revision}`)
}
