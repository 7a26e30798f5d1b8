import { Command, Option } from 'commander'
import { addLoginCommands } from './commands/access/login.js'
import { addSession } from './commands/access/session.js'
import { addCompletion } from './commands/completion/completion.js'
import { addDoctor } from './commands/doctor.js'
import { addChangeCommands } from './commands/history/changes.js'
import { addSearch } from './commands/history/search.js'
import { addWatch } from './commands/history/watch.js'
import { addClientCommands } from './commands/objects/client.js'
import { addConfigCommands } from './commands/objects/config.js'
import { addFlagCommands } from './commands/objects/flag.js'
import { addLimitCommands } from './commands/objects/limit.js'
import { addMaintenanceCommands } from './commands/objects/maintenance.js'
import { addSmokeCommands } from './commands/objects/smoke.js'
import { addSystemCommands } from './commands/objects/system.js'
import { addStateCommands } from './commands/state/state-commands.js'
import { addToolCommands } from './commands/tools.js'
import { EXIT_MEANINGS } from './fault.js'
import { FORMATS } from './output/output.js'

const ABOUT = `The command line of Valhalla's control plane.

Every change is planned by the server, shown, asked about and applied as one revision; \`valhalla revert\` puts it back.
Data goes to standard output, words to standard error. Where nobody can be asked, --yes has to be passed.
The key is that of --profile, else VALHALLA_KEY, else that of the profile, which goes to its own address alone.`

/** All commands. Nothing is loaded here but what their options need. */
export function createProgram(): Command {
  const program = new Command('valhalla')
    .description(ABOUT)
    .option('-V, --version', 'print the version')
    .option(
      '--profile <name>',
      'the control plane to speak to, whatever the environment says; else VALHALLA_PROFILE, else the current profile',
    )
    .option('--url <url>', 'its address; else that of --profile, else VALHALLA_URL, else that of the profile')
    .addOption(new Option('-o, --output <format>', `how data is printed: ${FORMATS.join(', ')}`))
    .configureHelp({ showGlobalOptions: true, helpWidth: HELP_WIDTH })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', `\n${exitCodes()}`)
  addStateCommands(program)
  addFlagCommands(program)
  addConfigCommands(program)
  addLimitCommands(program)
  addClientCommands(program)
  addMaintenanceCommands(program)
  addSmokeCommands(program)
  addChangeCommands(program)
  addSearch(program)
  addWatch(program)
  addSystemCommands(program)
  addLoginCommands(program)
  addSession(program)
  addDoctor(program)
  addToolCommands(program)
  addCompletion(program)
  return program
}

/** Columns of a help text, the same everywhere: the manual is made of it. */
const HELP_WIDTH = 120

function exitCodes(): string {
  return ['Exit codes:', ...[...EXIT_MEANINGS].map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`)].join('\n')
}
