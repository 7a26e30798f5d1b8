import { planMarkdown } from '../../change/plan-markdown.js'
import { admitChange, changeOptions, type Plan, settle, showPlan } from '../../change/propose.js'
import { type Cli, type Given, textIn } from '../../cli.js'
import { graphql } from '../../connection/document.js'
import { CliFault, EXIT, usage } from '../../fault.js'
import { readText, writePrivately } from '../../files.js'
import { withProgress } from '../../output/progress.js'
import { environment } from '../../platform.js'
import { idempotencyKeyOf, readPlan, type SavedPlan, writePlan } from '../../state/saved-plan.js'
import { readStateFiles } from './state-files.js'
import { type Prune, planState, type StatePlan } from './state-plan.js'

const WHERE = graphql(`
  query Where { viewer { environment } }
`)

/** Plans what files describe. */
export async function runPlan(cli: Cli, files: readonly string[], given: Given): Promise<void> {
  const plan = await makePlan(cli, files, given)
  const out = textIn(given, 'out')
  if (out !== undefined) await keepPlan(cli, plan, out)
  await print(cli, plan, given)
}

/** Shows a plan that was kept. */
export async function runShow(cli: Cli, file: string, given: Given): Promise<void> {
  await print(cli, await readKept(file), given)
}

/** Applies what files describe, or a kept plan. */
export async function runApply(cli: Cli, files: readonly string[], given: Given): Promise<void> {
  const options = { ...changeOptions(given), reason: textIn(given, 'reason') ?? reasonOfPipeline() }
  await admitChange(cli, options)
  const [first = ''] = files
  const isKept = files.length === 1 && first.endsWith('.plan')
  const plan = isKept ? await readKeptFor(cli, first) : await makePlan(cli, files, given)
  const idempotencyKey = idempotencyKeyOf(plan)
  const locate = 'locate' in plan ? (plan as StatePlan).locate : undefined
  await settle(cli, plan, { ...options, idempotencyKey, locate })
}

async function makePlan(cli: Cli, files: readonly string[], given: Given): Promise<StatePlan> {
  const desired = await readStateFiles(files)
  const prune: Prune = given['prune'] === 'force' ? 'force' : given['prune'] === true ? 'braked' : 'none'
  const plan = await withProgress(cli.out, 'Planning', () => planState(cli, desired, prune))
  if (prune === 'none' && plan.unwanted > 0)
    cli.out.say(`${plan.unwanted} objects below \`owns\` are in no file; --prune would delete them`)
  return plan
}

async function print(cli: Cli, plan: Plan, given: Given): Promise<void> {
  if (textIn(given, 'output') !== 'markdown') return showPlan(cli, plan)
  const { profileName, url } = await cli.target()
  cli.out.text(planMarkdown(plan.changes, { title: `Plan for ${profileName ?? url}`, revision: plan.plannedAtRevision }))
  if (plan.changes.length > 0) process.exitCode = EXIT.changes
}

async function keepPlan(cli: Cli, { steps, changes, plannedAtRevision }: StatePlan, file: string): Promise<void> {
  if (!file.endsWith('.plan')) throw usage(`"${file}" does not end with .plan`, '`apply` tells a kept plan from a state file by that')
  const { url } = await cli.target()
  const { viewer } = await cli.ask(WHERE, {})
  const text = writePlan({ url, environment: viewer.environment, plannedAtRevision, steps, changes })
  // It holds values of the configuration: others have no business with them.
  await writePrivately(file, text)
  cli.out.say(`Kept the plan in ${file}: valhalla apply ${file}`)
}

async function readKept(file: string): Promise<SavedPlan> {
  const plan = readPlan(await readText(file))
  if (typeof plan === 'string') throw usage(`${file}: ${plan}`)
  return plan
}

/** A kept plan is for the control plane that it was made on, and for no other one. */
async function readKeptFor(cli: Cli, file: string): Promise<SavedPlan> {
  const plan = await readKept(file)
  const { url } = await cli.target()
  const { viewer } = await cli.ask(WHERE, {})
  if (plan.url === url && plan.environment === viewer.environment) return plan
  const message = `${file} was planned on ${plan.url} (${plan.environment}), and this is ${url} (${viewer.environment})`
  throw new CliFault(EXIT.refused, message, 'plan again here')
}

/** Why, in a pipeline of GitHub or GitLab: the commit and where to see it. */
function reasonOfPipeline(): string | undefined {
  const { GITHUB_SHA, GITHUB_SERVER_URL, GITHUB_REPOSITORY, CI_COMMIT_SHA, CI_PROJECT_URL } = environment
  if (GITHUB_SHA) return `commit ${GITHUB_SHA} ${GITHUB_SERVER_URL ?? ''}/${GITHUB_REPOSITORY ?? ''}/commit/${GITHUB_SHA}`
  return CI_COMMIT_SHA ? `commit ${CI_COMMIT_SHA} ${CI_PROJECT_URL ?? ''}/-/commit/${CI_COMMIT_SHA}` : undefined
}
