import type { Command } from 'commander'
import { INPUTS, MUTATIONS } from '../../generated/graphql/inputs.js'
import { type Action, type Cli, does, type Given, textIn } from '../cli.js'
import { addInputOptions, readInput } from './input-options.js'
import { propose } from './propose.js'

/** A command that is one step of an admin operation. */
export interface WriteDeclaration {
  /** The verb and its arguments, such as "set <key>". */
  readonly name: string
  /** The step, called like its mutation. */
  readonly step: string
  /** Left out: what the schema says of the mutation. */
  readonly summary?: string
  /** Fields that come from the arguments, and so have no options. */
  readonly takes: readonly string[]
  /** The fields that come from the arguments. */
  readonly toInput: (args: readonly string[], cli: Cli, given: Given) => Promise<object> | object
}

/** The options of everything that changes something through a plan. */
export function addChangeOptions(command: Command): Command {
  return command
    .option('-y, --yes', 'apply without asking')
    .option('--dry-run', 'show what would change, and end with 2 if anything would')
    .option('--reason <text>', 'why; stands in the change log')
    .option('--override-maintenance', 'go through in every maintenance mode; needs a reason, and is noted')
}

/** The option of what is applied as an admin operation. */
export function addGuardOption(command: Command): Command {
  return command.option('--guard', 'probe the service after the change, and put it back when that fails')
}

/** Adds a command that plans, shows, asks and applies one step; its options are the fields of the step's input. */
export function addWrite(parent: Command, { name, step, summary, takes, toInput }: WriteDeclaration): Command {
  const input = inputOf(step)
  const command = parent.command(name).description(summary ?? firstSentence(MUTATIONS[step] ?? ''))
  addInputOptions(command, input, takes)
  addGuardOption(addChangeOptions(command))
  return doesMutation(command, step, async (cli, args, given) => {
    const reason = textIn(given, 'reason')
    const own = INPUTS[input]?.['reason'] && reason !== undefined ? { reason } : {}
    const steps = async () => [{ [step]: { ...readInput(input, given), ...(await toInput(args, cli, given)), ...own } }]
    await propose(cli, steps, given)
  })
}

/** Binds what a command does with a mutation, and says so at the end of its help. */
export function doesMutation(command: Command, mutation: string, action: Action): Command {
  return does(command.addHelpText('after', `\nMutation: ${mutation}`), action)
}

function inputOf(step: string): string {
  return INPUTS['AdminStepInput']?.[step]?.type ?? ''
}

function firstSentence(text: string): string {
  return text.split(/\.\s/, 1)[0]?.replace(/\.?$/, '.') ?? text
}
