import { type Plan, planSteps, type Step } from '../../change/propose.js'
import type { Cli } from '../../cli.js'
import type { Locate } from '../../connection/answer-faults.js'
import { type ClientName, readClients, ruleKeyById, ruleKeyByName } from '../../connection/clients.js'
import { graphql } from '../../connection/document.js'
import { readPages } from '../../connection/pages.js'
import { CliFault, EXIT } from '../../fault.js'
import { type ActualState, findBraked, findUnwanted, findWork, readActual, stepOf, type Work } from '../../state/compare.js'
import { KIND_SPECS, type Value } from '../../state/kinds.js'
import { faultLine } from '../../state/source.js'
import type { DesiredState } from '../../state/state.js'
import { refuseFiles } from './state-files.js'

const EXPORT = graphql(`
  query ExportState($kinds: [StateKind!], $prefix: String, $atRevision: Int) {
    exportState(kinds: $kinds, prefix: $prefix, atRevision: $atRevision) { revision state }
  }
`)

const RULES = graphql(`
  query RuleIds($first: Int!, $after: String) {
    rateLimitRules(first: $first, after: $after) { nodes { id scope key } pageInfo { hasNextPage endCursor } }
  }
`)

/** How often a plan is begun again because somebody has changed something meanwhile. */
const ATTEMPTS = 3

/** Which part of a state is meant. */
export interface StateScope {
  readonly kinds?: ('FLAGS' | 'CONFIGS' | 'RATE_LIMITS' | 'SMOKE_CHECKS')[]
  readonly prefix?: string
  readonly atRevision?: number
}

/** The state of the server, from one revision; rules name clients that are active. */
export async function readServerState(
  cli: Cli,
  scope: StateScope = {},
): Promise<{ revision: number; state: ActualState; clients: readonly ClientName[] }> {
  const { revision, state } = (await cli.ask(EXPORT, scope)).exportState
  const actual = readActual(state as Value)
  const isNamed = [...actual.rateLimits.keys()].some((key) => key.startsWith('USER ') || key.startsWith('API_KEY '))
  const clients = isNamed ? await readClients(cli) : []
  const rateLimits = new Map([...actual.rateLimits].map(([key, rule]) => [titleByName(key, clients), rule]))
  return { revision, state: { ...actual, rateLimits }, clients }
}

function titleByName(title: string, clients: readonly ClientName[]): string {
  const [scope, ...key] = title.split(' ')
  return `${scope} ${ruleKeyByName(key.join(' '), clients)}`
}

/** What is to be pruned: nothing, what is below `owns`, or that however much it is. */
export type Prune = 'none' | 'braked' | 'force'

/** A plan that leads to a state, and where its faults are in the files. */
export interface StatePlan extends Plan {
  readonly locate: Locate
  /** How many objects below `owns` are in no file and stay. */
  readonly unwanted: number
}

/**
 * Plans what leads from the server's state to the wanted one: what is already so is left out, deletions come last, and the
 * plan is the server's own. Where something was changed between reading and planning, both are done again.
 */
export async function planState(cli: Cli, desired: DesiredState, prune: Prune): Promise<StatePlan> {
  for (let attempt = 1; ; attempt += 1) {
    const { revision, state, clients: known } = await readServerState(cli)
    const work = findWork(desired, state)
    const unwanted = findUnwanted(desired, state)
    if (prune === 'braked') brake(unwanted, state)
    const all = prune === 'none' ? work : [...work, ...unwanted]
    const clients = known.length === 0 && needsClients(desired, all) ? await readClients(cli) : known
    checkClients(desired, clients)
    const steps = await toSteps(cli, all, clients)
    const locate = locator(all)
    const rest = { locate, unwanted: unwanted.length }
    if (steps.length === 0) return { steps, changes: [], plannedAtRevision: revision, ...rest }
    const plan = await planSteps(cli, steps, locate)
    if (plan.plannedAtRevision !== revision && attempt < ATTEMPTS) continue
    checkMade(all, plan)
    return { ...plan, ...rest }
  }
}

function brake(unwanted: readonly Work[], state: ActualState): void {
  const braked = findBraked(unwanted, state)
  if (braked.length === 0) return
  const words = braked.map(({ kind, count, of }) => `${count} of ${of} ${kind}`).join(', ')
  throw new CliFault(
    EXIT.refused,
    `pruning would delete ${words}: more than 10 and more than 30 percent`,
    'pass --prune=force if that is meant',
  )
}

function needsClients(desired: DesiredState, work: readonly Work[]): boolean {
  return desired.clients.size > 0 || work.some(({ kind, key }) => kind === 'rateLimits' && key.includes(' client:'))
}

function checkClients(desired: DesiredState, clients: readonly ClientName[]): void {
  const faults = [...desired.clients].flatMap(([name, { role: wanted, fault }]) => {
    const client = clients.find((each) => each.isActive && each.name === name)
    if (!client) return [fault(`there is no active API client "${name}" here: register it with \`valhalla client register\``)]
    const actual = client.role
    return actual === wanted ? [] : [fault(`the API client "${name}" has the role ${actual}, not ${wanted}`)]
  })
  if (faults.length > 0) throw new CliFault(EXIT.refused, faults.map(faultLine).join('\nerror: '))
}

async function toSteps(cli: Cli, work: readonly Work[], clients: readonly ClientName[]): Promise<Step[]> {
  const isRuleGoing = work.some(({ kind, wanted }) => kind === 'rateLimits' && !wanted)
  const rules = isRuleGoing ? await readRuleIds(cli, clients) : new Map<string, string>()
  const unknown = work.flatMap((each) => {
    const missing = each.kind === 'rateLimits' && each.wanted && keyById(each, clients) === undefined
    return missing ? [each.wanted.source.faultAt(each.wanted.path, `there is no active API client for "${each.key}" here`)] : []
  })
  refuseFiles(unknown)
  return work.map((each) => stepOf(each, each.kind === 'rateLimits' ? { key: keyById(each, clients), id: rules.get(each.key) } : {}))
}

function keyById({ key }: Work, clients: readonly ClientName[]): string | undefined {
  const [scope = '', ...rest] = key.split(' ')
  return ruleKeyById(scope, rest.join(' '), clients)
}

async function readRuleIds(cli: Cli, clients: readonly ClientName[]): Promise<Map<string, string>> {
  const rules = await readPages(Number.POSITIVE_INFINITY, async (first, after) => (await cli.ask(RULES, { first, after })).rateLimitRules)
  return new Map(rules.map(({ id, scope, key }) => [titleByName(`${scope} ${key}`, clients), id]))
}

/** Says of a fault of a step in which file, on which line, and on which object it is. */
function locator(work: readonly Work[]): Locate {
  return (field) => {
    if (field?.[0] !== 'steps') return ''
    const [, index, , ...path] = field
    const { kind, key, wanted } = work[Number(index)] ?? {}
    if (kind === undefined || key === undefined) return ''
    const what = `${kind} ${key}${path.length > 0 ? `, ${path.join('.')}` : ''}: `
    if (!wanted) return `pruning ${what}`
    const isKey = KIND_SPECS[kind].keyFields.includes(path[0] ?? '')
    return faultLine(wanted.source.faultAt(isKey ? wanted.path : [...wanted.path, ...path], what))
  }
}

/**
 * A rule that the server keeps under another spelling (an IPv6 address by its /64) looks like a new one, and pruning would
 * delete the very rule that the file means.
 */
function checkMade(work: readonly Work[], plan: Plan): void {
  if (!work.some(({ kind, wanted }) => kind === 'rateLimits' && !wanted)) return
  const made = new Set(plan.changes.filter(({ action }) => action === 'CREATE').map(({ step }) => step))
  const faults = work.flatMap(({ kind, isNew, wanted }, index) => {
    if (kind !== 'rateLimits' || !isNew || !wanted || made.has(index)) return []
    return [wanted.source.faultAt(wanted.path, 'the server keeps this rule under another key: write it as `valhalla export` does')]
  })
  refuseFiles(faults)
}
