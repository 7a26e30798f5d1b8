import { EXIT_USAGE } from './command-line.js'
import { SETTINGS_VARIABLES, type VariableInfo } from './settings.js'

/** The exit status for settings that cannot be used: EX_CONFIG of sysexits.h. */
export const EXIT_BAD_SETTINGS = 78

const TABLE_START = '<!-- settings:start -->'
const TABLE_END = '<!-- settings:end -->'
const HELP_WIDTH = 100

/** What `--help` prints: usage, flags, exit codes and every variable of the environment. */
export function settingsHelp(): string {
  return [
    "Valhalla's control plane: one GraphQL endpoint at /graphql, probes at /livez and /readyz, metrics at /metrics.",
    '',
    'Usage: node dist/main.js [--help]',
    '',
    'Flags:',
    '  --help, -h  Print this and exit.',
    '',
    'Exit codes:',
    '   0  Stopped as asked.',
    `  ${EXIT_USAGE}  The command line cannot be understood.`,
    `  ${EXIT_BAD_SETTINGS}  The settings cannot be used; standard error has one line for each fault.`,
    '   1  Any other fault.',
    '',
    'Settings (variables of the environment; an empty one counts as unset):',
    ...SETTINGS_VARIABLES.flatMap(helpLines),
    '',
  ].join('\n')
}

function helpLines(variable: VariableInfo): string[] {
  const notes = [variable.type, variable.defaultText === undefined ? 'optional' : `default ${variable.defaultText}`]
  if (variable.isSecret) notes.push('secret')
  return [`  ${variable.name} (${notes.join('; ')})`, ...wrap(variable.description, HELP_WIDTH - 6).map((line) => `      ${line}`)]
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** Every setting as a Markdown table, for the README. */
export function settingsTableMarkdown(): string {
  const rows = SETTINGS_VARIABLES.map((variable) => {
    const standard = variable.defaultText === undefined ? '' : `\`${variable.defaultText}\``
    const type = variable.isSecret ? `${variable.type} (secret)` : variable.type
    return `| \`${variable.name}\` | ${type} | ${standard} | ${variable.description} |`
  })
  return ['| Variable | Type | Default | Meaning |', '|---|---|---|---|', ...rows].join('\n')
}

/**
 * A README with a fresh table between its markers `<!-- settings:start -->` and `<!-- settings:end -->`.
 * @throws TypeError when the markers are not there, once each and in this order.
 */
export function withSettingsTable(readme: string): string {
  const start = readme.indexOf(TABLE_START)
  const end = readme.indexOf(TABLE_END)
  const isOnce = start === readme.lastIndexOf(TABLE_START) && end === readme.lastIndexOf(TABLE_END)
  if (start < 0 || end < start || !isOnce) throw new TypeError(`the README needs the markers ${TABLE_START} and ${TABLE_END}, once each`)
  return `${readme.slice(0, start + TABLE_START.length)}\n${settingsTableMarkdown()}\n${readme.slice(end)}`
}
