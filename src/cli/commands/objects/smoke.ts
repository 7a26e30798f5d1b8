import type { Command } from 'commander'
import { addInputOptions, readInput } from '../../change/input-options.js'
import { addWrite, doesMutation } from '../../change/write-command.js'
import { type Cli, does } from '../../cli.js'
import { refuse } from '../../connection/answer-faults.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import { CliFault, EXIT } from '../../fault.js'
import type { View } from '../../output/output.js'
import { withProgress } from '../../output/progress.js'
import { plain } from '../../output/text.js'
import { addListing, found } from '../listing.js'

const CHECKS = graphql(`
  query SmokeChecks {
    smokeChecks { id name kind path query expectStatus expectBody maxLatencyMs isBlocking isBuiltIn isEnabled version }
  }
`)

const RUN_FIELDS = graphql(`
  fragment RunFields on SmokeTestRun {
    id baseUrl isOk startedAt finishedAt durationMs
    results { name status isBlocking statusCode latencyMs error }
    triggeredBy { id name }
  }
`)

const RUNS = graphql(
  `
  query SmokeRuns($first: Int!, $after: String) {
    smokeTestRuns(first: $first, after: $after) { nodes { ...RunFields } pageInfo { hasNextPage endCursor } }
  }
`,
  [RUN_FIELDS],
)

const RUN = graphql(
  `
  mutation RunSmokeTest($input: RunSmokeTestInput) {
    runSmokeTest(input: $input) { run { ...RunFields } userErrors { code message field } }
  }
`,
  [RUN_FIELDS],
)

const RUN_STATE = graphql(
  `
  query SmokeRun($id: ID!) { smokeTestRun(id: $id) { ...RunFields } }
`,
  [RUN_FIELDS],
)

type Run = ResultOf<typeof RUN_FIELDS>

const checkView: View<ResultOf<typeof CHECKS>['smokeChecks'][number]> = {
  name: ({ name }) => name,
  columns: [
    ['name', ({ name }) => name],
    ['kind', ({ kind }) => kind],
    ['path', ({ path }) => path],
    ['expects', ({ expectStatus }) => expectStatus],
    ['when it fails', ({ isBlocking }) => (isBlocking ? 'the run fails' : 'is noted')],
    ['state', ({ isEnabled, isBuiltIn }) => `${isEnabled ? 'on' : 'off'}${isBuiltIn ? ', built in' : ''}`],
  ],
}

const resultView: View<Run['results'][number]> = {
  name: ({ name }) => name,
  columns: [
    ['check', ({ name }) => name],
    ['status', ({ status }) => status],
    ['http', ({ statusCode }) => statusCode],
    ['ms', ({ latencyMs }) => latencyMs && Math.round(latencyMs)],
    ['error', ({ error }) => error],
  ],
}

const runView: View<Run> = {
  name: ({ id }) => id,
  columns: [
    ['id', ({ id }) => id],
    ['started', ({ startedAt }) => startedAt],
    ['result', ({ isOk, finishedAt }) => (finishedAt === null ? 'under way' : isOk ? 'passed' : 'failed')],
    ['ms', ({ durationMs }) => durationMs && Math.round(durationMs)],
    [
      'failed',
      ({ results }) =>
        results
          .filter(({ status }) => status === 'FAILED')
          .map(({ name }) => name)
          .join(', '),
    ],
    ['by', ({ triggeredBy }) => triggeredBy?.name],
  ],
}

/** `valhalla smoke ...` */
export function addSmokeCommands(program: Command): void {
  const smoke = program.command('smoke').description('Smoke tests: probes of the running service, from outside in.')
  const run = smoke.command('run').description('Probe the service; ends with 1 when a blocking check fails.')
  addInputOptions(run, 'RunSmokeTestInput', ['wait'])
  doesMutation(run, 'runSmokeTest', async (cli, _args, given) => {
    const made = await withProgress(cli.out, 'Probing', (tell) => probe(cli, readInput('RunSmokeTestInput', given), tell))
    if (cli.out.format === 'json' || cli.out.format === 'yaml') await cli.out.data(made)
    else await cli.out.rows(made.results, resultView)
    cli.out.say(`${made.isOk ? 'passed' : 'failed'} (${made.id})`)
    if (!made.isOk) process.exitCode = EXIT.fault
  })
  does(smoke.command('list').description('List the checks.'), async (cli) => {
    await cli.out.rows((await cli.ask(CHECKS, {})).smokeChecks, checkView)
  })
  addListing(smoke, {
    name: 'runs',
    summary: 'List past runs, newest first.',
    limit: 20,
    view: runView,
    read: async (cli, page) => (await cli.ask(RUNS, page)).smokeTestRuns,
  })
  addWrite(smoke, {
    name: 'set <name> <kind>',
    step: 'setSmokeCheck',
    takes: ['name', 'kind'],
    toInput: ([name, kind = '']) => ({ name, kind: kind.toUpperCase() }),
  })
  addWrite(smoke, { name: 'delete <name>', step: 'deleteSmokeCheck', takes: ['name'], toInput: ([name]) => ({ name }) })
}

/** How long a run may take before nobody waits for it any more, and how often it is looked at. Milliseconds. */
const PATIENCE_MS = 300_000
const PAUSE_MS = 300

/** Starts a run, and tells how far it is until it has ended. */
async function probe(cli: Cli, input: object, tell: (words: string) => void): Promise<Run> {
  const { runSmokeTest } = await cli.ask(RUN, { input: { ...input, wait: false } })
  refuse(runSmokeTest.userErrors)
  let run = found(runSmokeTest.run, 'run in the answer')
  for (let waited = 0; run.finishedAt === null; waited += PAUSE_MS) {
    if (waited > PATIENCE_MS)
      throw new CliFault(EXIT.unavailable, `the run ${run.id} does not end`, '`valhalla smoke runs` shows what came of it')
    await new Promise((done) => setTimeout(done, PAUSE_MS))
    // Another replica may not know of it before it has ended.
    run = (await cli.ask(RUN_STATE, { id: run.id })).smokeTestRun ?? run
    const failed = run.results.filter(({ status }) => status === 'FAILED').map(({ name }) => name)
    tell(`Probing: ${run.results.length} checks done${failed.length > 0 ? `, failed: ${plain(failed.join(', '))}` : ''}`)
  }
  return run
}
