// Writes docs/cli.md from the help of every command; with --check it writes nothing and exits 1 when the page is out of date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { createProgram } from '../src/cli/program.js'

const path = new URL('../docs/cli.md', import.meta.url)
const program = createProgram()
const fresh = `# The command line

Made of the commands' own help by \`npx tsx scripts/cli-docs.ts\`. [gitops.md](gitops.md) is about state files, and how a pipeline uses them.

${sectionsOf(program, 'valhalla').join('\n')}`

if (process.argv.includes('--check')) {
  if (!existsSync(path) || readFileSync(path, 'utf8') !== fresh) {
    console.error('docs/cli.md is out of date; run: npx tsx scripts/cli-docs.ts')
    process.exitCode = 1
  }
} else writeFileSync(path, fresh)

/** The options that every command has stand with the first one alone. */
function sectionsOf(command: Command, name: string): string[] {
  command.configureHelp({ showGlobalOptions: false, helpWidth: 120 })
  let text = ''
  const writeOut = (part: string): void => {
    text += part
  }
  command.configureOutput({ writeOut })
  command.outputHelp()
  const verbs = command.commands.filter((each) => each.name() !== 'complete')
  const section = `${command === program || command.parent === program ? '##' : '###'} ${name}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`
  return [section, ...verbs.flatMap((verb) => sectionsOf(verb, `${name} ${verb.name()}`))]
}
