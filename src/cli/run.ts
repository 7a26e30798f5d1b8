import { CommanderError } from 'commander'
import { CliFault, EXIT } from './fault.js'
import { plain } from './output/text.js'
import { createProgram } from './program.js'

/** Runs a command line, says on standard error what went wrong, and sets the exit code. */
export async function run(args: readonly string[]): Promise<void> {
  process.on('SIGINT', () => process.exit(EXIT.interrupted))
  // A reader that has seen enough, such as `head`, ends the command without a word.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.fault))
  try {
    await createProgram().parseAsync([...args], { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

function report(error: unknown): number {
  // Commander has said what it has to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if (error instanceof CliFault) {
    const hint = error.hint === undefined ? '' : `hint:  ${error.hint}\n`
    process.stderr.write(`error: ${error.message.split('\n').map(plain).join('\n')}\n${hint}`)
    return error.exitCode
  }
  process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return EXIT.fault
}
