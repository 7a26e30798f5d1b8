import { Argument, type Command, Option } from 'commander'
import { addChangeOptions, addGuardOption, doesMutation } from '../../change/write-command.js'
import { does } from '../../cli.js'
import { readRevision } from '../history/changes.js'

const FILES = 'state files, later ones over earlier ones; - for standard input'

/** `valhalla plan`, `apply`, `show`, `export`, `import`, `diff`, `schema`. What they do is loaded when one of them is used. */
export function addStateCommands(program: Command): void {
  const plan = addPrune(program.command('plan <files...>').description('Show what would lead to the state that files describe.'))
    .option('--out <file>', 'keep the plan, to apply just what was looked at')
    .addHelpText('after', '\n`-o markdown` prints it for a pull request. Ends with 2 where there are changes.')
  does(plan, async (cli, files, given) => (await import('./run-plan.js')).runPlan(cli, files, given))
  const apply = program.command('apply').argument('<files...>', `${FILES}; or one kept plan`)
  addPrune(apply.description('Make the state what files describe, or apply a kept plan, as one revision.'))
  addGuardOption(addChangeOptions(apply))
  doesMutation(apply, 'runAdminOperation', async (cli, files, given) => (await import('./run-plan.js')).runApply(cli, files, given))
  const show = program.command('show <plan>').description('Show a kept plan; ends with 2 where there are changes, as `plan` did.')
  does(show, async (cli, [file = ''], given) => (await import('./run-plan.js')).runShow(cli, file, given))
  const kinds = ['flags', 'configs', 'rateLimits', 'smokeChecks']
  const exported = program
    .command('export')
    .description('Print the state as a state file: keys sorted, defaults left out. The same text for the same state.')
    .addOption(new Option('--kind <kind...>', 'only these kinds').choices(kinds))
    .option('--prefix <text>', 'only objects whose key begins with this')
    .option('--at-revision <number>', 'as it was at this revision', readRevision)
  does(exported, async (cli, _args, given) => (await import('./run-export.js')).runExport(cli, given))
  const imported = program
    .command('import')
    .description('Convert what another system exports into a state file. Nothing is written to the server.')
    .addArgument(new Argument('<system>', 'where the file comes from').choices(['unleash', 'flagd']))
    .argument('<file>', "Unleash's export or its client API's answer, or flagd's definitions; - for standard input")
    .option('--environment <name>', 'of Unleash: the environment whose strategies are meant')
    .addHelpText('after', '\nWhat cannot be said here is refused by name, on standard error, and the rest is printed.')
  does(imported, async (cli, [system = '', file = ''], given) => (await import('./run-import.js')).runImport(cli, { system, file }, given))
  const diff = program
    .command('diff')
    .description('Show what leads from the state at one revision to that at another; ends with 2 where there are differences.')
    .argument('<from>', 'the revision to begin with', readRevision)
    .argument('[to]', 'the revision to get to; left out: now', readRevision)
  does(diff, async (cli, revisions) => (await import('./run-export.js')).runDiff(cli, revisions.map(Number)))
  const schema = program.command('schema').description('Print the JSON Schema of state files, for editors.')
  does(schema, async (cli) => cli.out.data((await import('../../state/json-schema.js')).stateSchema()))
}

function addPrune(command: Command): Command {
  const words = 'delete what begins with a prefix of `owns` and is in no file; =force however much that is'
  return command.addOption(new Option('--prune [force]', words).choices(['force']))
}
