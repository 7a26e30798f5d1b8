import { parseArgs } from 'node:util'
import { Argument, type Command } from 'commander'
import { does, textIn } from '../../cli.js'
import { SCRIPTS } from './scripts.js'

/** The options by which a line says where its names are to be asked for. */
const TARGET = { profile: { type: 'string' }, url: { type: 'string' } } as const

/** `valhalla completion`, and `complete`, which its scripts ask. */
export function addCompletion(program: Command): void {
  const completion = program
    .command('completion')
    .description('Print what makes a shell complete the words of this command: source <(valhalla completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
  does(completion, async (cli, [shell = '']) => cli.out.text(SCRIPTS[shell] ?? ''))
  const complete = program.command('complete [words...]', { hidden: true }).allowUnknownOption()
  does(complete, async (_cli, typed) => {
    const [{ wordsFor }, { namesOf }] = await Promise.all([import('./words.js'), import('./names.js')])
    const { values } = parseArgs({ args: typed.slice(0, -1), options: TARGET, strict: false })
    const target = { profile: textIn(values, 'profile'), url: textIn(values, 'url') }
    const words = await wordsFor(program, typed, (noun, prefix) => namesOf(noun, prefix, target))
    // A server that has not answered in time is not waited for.
    process.stdout.write(words.map(({ word, meaning }) => `${word}\t${meaning}\n`).join(''), () => process.exit())
  })
}
