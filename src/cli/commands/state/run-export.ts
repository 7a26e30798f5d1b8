import { type PlannedChange, summaryOf } from '../../change/plan-view.js'
import { printChanges } from '../../change/propose.js'
import { type Cli, type Given, textIn } from '../../cli.js'
import { graphql } from '../../connection/document.js'
import { withProgress } from '../../output/progress.js'
import { toYaml } from '../../output/yaml.js'
import { KIND_SPECS, type Kind } from '../../state/kinds.js'
import { toDocument } from '../../state/print.js'
import { readServerState } from './state-plan.js'

const COMPARE = graphql(`
  query Compare($from: Int!, $to: Int) {
    compareRevisions(from: $from, to: $to) { step targetType targetId targetKey action before after }
  }
`)

/** Prints the state as a state file. */
export async function runExport(cli: Cli, given: Given): Promise<void> {
  const kinds = (given['kind'] as readonly Kind[] | undefined)?.map((kind) => KIND_SPECS[kind].stateKind)
  const scope = { kinds, prefix: textIn(given, 'prefix'), atRevision: given['atRevision'] as number | undefined }
  const { revision, state } = await withProgress(cli.out, 'Exporting', () => readServerState(cli, scope))
  const document = toDocument(state)
  if (cli.out.format === 'json') await cli.out.data(document)
  else if (cli.out.format === 'name') cli.out.lines(Object.values(state).flatMap((objects) => [...objects.keys()]))
  else cli.out.text(toYaml(document))
  cli.out.say(`Exported revision ${revision}.`)
}

/** Prints what differs between two revisions. */
export async function runDiff(cli: Cli, [from = 0, to]: readonly number[]): Promise<void> {
  const { compareRevisions } = await withProgress(cli.out, 'Comparing', () => cli.ask(COMPARE, { from, to }))
  const changes = compareRevisions as readonly PlannedChange[]
  await printChanges(cli.out, changes, changes)
  cli.out.say(changes.length === 0 ? `No differences between revision ${from} and ${to ?? 'now'}.` : summaryOf(changes))
}
