import { type Command, InvalidArgumentError, Option } from 'commander'
import { confirm } from '../../change/ask.js'
import { readMoment } from '../../change/moment.js'
import { type PlannedChange, planLines, summaryOf } from '../../change/plan-view.js'
import { admitChange, type ChangeOptions, changeOptions, printChanges } from '../../change/propose.js'
import { addChangeOptions, addWrite, doesMutation } from '../../change/write-command.js'
import { type Cli, does, type Given, textIn } from '../../cli.js'
import { refuse } from '../../connection/answer-faults.js'
import { graphql, type ResultOf, type VariablesOf } from '../../connection/document.js'
import { EXIT } from '../../fault.js'
import type { View } from '../../output/output.js'
import { withProgress } from '../../output/progress.js'
import { addListing } from '../listing.js'
import { CHANGE_FIELDS, changeView } from './change-view.js'

const LIST = graphql(
  `
  query Changes($filter: ChangeFilter, $first: Int!, $after: String) {
    changes(filter: $filter, first: $first, after: $after) { nodes { ...ChangeFields } pageInfo { hasNextPage endCursor } }
  }
`,
  [CHANGE_FIELDS],
)

const REVERT = graphql(`
  mutation Revert($input: RevertRevisionInput!) {
    revertRevision(input: $input) {
      plan { step targetType targetId targetKey action before after }
      revision
      userErrors { code message field }
    }
  }
`)

const REVISIONS = graphql(`
  query Revisions($first: Int!, $after: String) {
    revisions(first: $first, after: $after) {
      nodes { number at actor { id name } operation reason isRevertible revertOf revertedBy changes { targetType targetKey action } }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

const EVENTS = graphql(`
  query AuditEvents($first: Int!, $after: String) {
    auditEvents(first: $first, after: $after) {
      nodes { id at operation outcome code actor { id name } remoteAddress detail }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

const INTEGRITY = graphql(`
  query Integrity {
    auditIntegrity {
      isIntact checkedRevisions firstBrokenRevision headRevision headDigest checkedObjects
      tamperedObjects { targetType targetId targetKey } checkedEvents firstBrokenEvent
    }
  }
`)

type Filter = NonNullable<VariablesOf<typeof LIST>['filter']>
type Integrity = ResultOf<typeof INTEGRITY>['auditIntegrity']

const eventView: View<ResultOf<typeof EVENTS>['auditEvents']['nodes'][number]> = {
  name: ({ id }) => id,
  columns: [
    ['at', ({ at }) => at],
    ['outcome', ({ outcome }) => outcome],
    ['code', ({ code }) => code],
    ['operation', ({ operation }) => operation],
    ['actor', ({ actor }) => actor?.name],
    ['address', ({ remoteAddress }) => remoteAddress],
    ['detail', ({ detail }) => detail],
  ],
}

const integrityView: View<Integrity> = {
  name: ({ isIntact }) => (isIntact ? 'intact' : 'broken'),
  columns: [
    ['result', ({ isIntact }) => (isIntact ? 'intact' : 'broken')],
    ['revisions', ({ checkedRevisions }) => checkedRevisions],
    ['first broken revision', ({ firstBrokenRevision }) => firstBrokenRevision],
    ['objects', ({ checkedObjects }) => checkedObjects],
    ['tampered', ({ tamperedObjects }) => tamperedObjects.map(({ targetType, targetKey }) => `${targetType} ${targetKey}`).join(', ')],
    ['events', ({ checkedEvents }) => checkedEvents],
    ['first broken event', ({ firstBrokenEvent }) => firstBrokenEvent],
    ['head', ({ headRevision, headDigest }) => `${headRevision} ${headDigest}`],
  ],
}

/** `valhalla changes ...`, `valhalla revert` */
export function addChangeCommands(program: Command): void {
  const changes = program.command('changes').description('Who changed what, and why.')
  const list = addListing(changes, {
    name: 'list',
    summary: 'List changes, newest first.',
    limit: 20,
    view: changeView,
    read: async (cli, page, { given }) => (await cli.ask(LIST, { ...page, filter: filterOf(given) })).changes,
  })
  for (const [flag, words] of Object.entries(FILTERS)) list.option(`--${flag} <text>`, words)
  list
    .option('--since <time>', 'at or after this time', readMoment)
    .option('--until <time>', 'at or before this time', readMoment)
    .option('--since-revision <number>', 'of revisions above this one', readRevision)
    .option('--until-revision <number>', 'of revisions up to this one', readRevision)
  addListing(changes, {
    name: 'audit',
    summary: 'List what was refused or tried, newest first.',
    limit: 20,
    view: eventView,
    read: async (cli, page) => (await cli.ask(EVENTS, page)).auditEvents,
  })
  const integrity = changes
    .command('integrity')
    .description('Check that the database holds what was once written; ends with 1 when it does not.')
  does(integrity, async (cli) => {
    const { auditIntegrity } = await withProgress(cli.out, 'Checking the log and every object', () => cli.ask(INTEGRITY, {}))
    await cli.out.object(auditIntegrity, integrityView)
    if (!auditIntegrity.isIntact) process.exitCode = EXIT.fault
  })
  addRevisions(changes)
  addRevert(program)
  addWrite(program, {
    name: 'restore <type> <name>',
    step: 'restoreObject',
    summary: 'Put one object back as it was at a revision: its type (such as FeatureFlag) and what people call it.',
    takes: ['targetType', 'targetKey'],
    toInput: ([targetType, targetKey]) => ({ targetType, targetKey }),
  })
}

function addRevisions(changes: Command): void {
  addListing(changes, {
    name: 'revisions',
    summary: 'List revisions, newest first: all that landed together is one.',
    limit: 20,
    view: revisionView,
    read: async (cli, page) => (await cli.ask(REVISIONS, page)).revisions,
  })
}

const revisionView: View<ResultOf<typeof REVISIONS>['revisions']['nodes'][number]> = {
  name: ({ number }) => String(number),
  columns: [
    ['revision', ({ number }) => number],
    ['at', ({ at }) => at],
    ['actor', ({ actor }) => actor.name],
    ['operation', ({ operation }) => operation],
    ['objects', ({ changes }) => changes.map(({ targetKey }) => targetKey).join(', ')],
    ['undone', ({ revertOf, revertedBy }) => (revertedBy === null ? revertOf && `undoes ${revertOf}` : `by ${revertedBy}`)],
    ['reason', ({ reason }) => reason],
  ],
}

const FILTERS: Readonly<Record<string, string>> = {
  operation: 'by this operation, such as "setConfig"',
  pack: 'of this pack, such as "UA"',
  'target-type': 'of objects of this type, such as "FeatureFlag"',
  'target-id': 'of the object with this id',
  'target-key': "of what people call this: a flag's key, a client's name; also where it is gone",
  search: 'with this text in their reason, their object or their actor',
  'correlation-id': 'of the request with this id (x-request-id)',
  'actor-id': 'by the API client with this id',
}

function filterOf(given: Given): Filter {
  const texts = Object.keys(FILTERS).map((flag) => new Option(`--${flag}`).attributeName())
  const rest = {
    since: given['since'],
    until: given['until'],
    sinceRevision: given['sinceRevision'],
    untilRevision: given['untilRevision'],
  }
  return { ...Object.fromEntries(texts.map((name) => [name, textIn(given, name)])), ...rest } as Filter
}

/** A revision of the whole control plane. */
export function readRevision(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('This must be a revision, a whole number.')
  return Number(text)
}

function addRevert(program: Command): void {
  const command = program
    .command('revert')
    .description('Put back what a revision changed, as a new revision.')
    .argument('<revision>', 'the revision, as `changes list` shows it', readRevision)
    .argument('[id...]', 'only these of its objects, by their ids')
  addChangeOptions(command)
  doesMutation(command, 'revertRevision', async (cli, [revision, ...targetIds], given) => {
    const options = changeOptions(given)
    await admitChange(cli, options)
    const subject = { revision: Number(revision), ...(targetIds.length > 0 ? { targetIds } : {}) }
    const planned = await revert(cli, { ...subject, dryRun: true }, options)
    if (!(await agreed(cli, planned.plan as readonly PlannedChange[], options))) return
    const done = await revert(cli, subject, options)
    if (cli.out.format === 'json' || cli.out.format === 'yaml') await cli.out.data(done)
    cli.out.say(`Reverted as revision ${done.revision}.  Undo: valhalla revert ${done.revision}`)
  })
}

async function revert(cli: Cli, subject: { revision: number; targetIds?: string[]; dryRun?: boolean }, options: ChangeOptions) {
  const { overrideMaintenance, reason } = options
  const { revertRevision } = await cli.ask(REVERT, { input: { ...subject, overrideMaintenance, reason } })
  refuse(revertRevision.userErrors)
  return revertRevision
}

/** Shows what a mutation with a plan of its own would do, and asks. */
async function agreed(cli: Cli, plan: readonly PlannedChange[], { isDryRun, isAgreed }: ChangeOptions): Promise<boolean> {
  const { out } = cli
  if (isDryRun) {
    await printChanges(out, plan, { plan })
    return false
  }
  const lines = planLines(plan, await out.colors('stderr')).join('\n')
  out.say(`${lines}\n${summaryOf(plan)}`)
  if (!isAgreed) await confirm('Apply this?')
  return true
}
