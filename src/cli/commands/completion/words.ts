import type { Command, Option } from 'commander'
import { ENUMS } from '../../../generated/graphql/inputs.js'
import { FORMATS } from '../../output/output.js'

/** A word that may come next, and what it means. */
export interface Word {
  readonly word: string
  readonly meaning: string
}

/** What fits behind the words that were typed; `names` knows those of the server's objects that begin with a text. */
export async function wordsFor(
  program: Command,
  typed: readonly string[],
  names: (noun: string, prefix: string) => Promise<readonly string[]>,
): Promise<Word[]> {
  const before = typed.slice(0, -1)
  const last = typed.at(-1) ?? ''
  const { command, count, pending } = walk(program, before)
  if (pending)
    return fitting(
      choicesOf(pending).map((word) => ({ word, meaning: '' })),
      last,
    )
  if (last.startsWith('-')) return fitting(optionsOf(command), last)
  const verbs = command.commands
    .filter((each) => !isHidden(each))
    .map((each) => ({ word: each.name(), meaning: firstLine(each.description()) }))
  if (verbs.length > 0) return fitting(verbs, last)
  const argument = command.registeredArguments[Math.min(count, command.registeredArguments.length - 1)]
  if (!argument) return []
  const known = CHOICES[argument.name()]?.() ?? argument.argChoices
  if (known)
    return fitting(
      known.map((word) => ({ word, meaning: '' })),
      last,
    )
  if (count > 0 && !argument.variadic) return []
  const found = await names(NOUNS[argument.name()] ?? command.parent?.name() ?? '', last)
  return fitting(
    found.map((word) => ({ word, meaning: '' })),
    last,
  )
}

/** Arguments whose words do not depend on the server. */
const CHOICES: Readonly<Record<string, () => string[]>> = {
  scope: () => Object.keys(ENUMS['RateLimitScope'] ?? {}),
  mode: () => Object.keys(ENUMS['MaintenanceMode'] ?? {}),
  kind: () => ['HTTP', 'GRAPHQL'],
}

/** Arguments that are names of objects, whatever command they stand in. */
const NOUNS: Readonly<Record<string, string>> = { client: 'client' }

interface Place {
  readonly command: Command
  /** How many arguments of the command are there already. */
  readonly count: number
  /** The option whose value comes next. */
  readonly pending: Option | undefined
}

function walk(program: Command, typed: readonly string[]): Place {
  let place: Place = { command: program, count: 0, pending: undefined }
  for (const word of typed) {
    const { command, count, pending } = place
    const option = pending ? undefined : word.startsWith('-') ? optionOf(command, word) : undefined
    const verb = command.commands.find((each) => each.name() === word || each.aliases().includes(word))
    if (pending) place = { command, count, pending: undefined }
    else if (word.startsWith('-')) place = { command, count, pending: option?.required ? option : undefined }
    else if (verb) place = { command: verb, count: 0, pending: undefined }
    else place = { command, count: count + 1, pending: undefined }
  }
  return place
}

function* lineage(command: Command): Generator<Command> {
  for (let each: Command | null = command; each; each = each.parent) yield each
}

function optionOf(command: Command, word: string): Option | undefined {
  return [...lineage(command)].flatMap(({ options }) => options).find(({ long, short }) => long === word || short === word)
}

function optionsOf(command: Command): Word[] {
  const options = [...lineage(command)].flatMap(({ options }) => options)
  return options.flatMap(({ long, description }) => (long ? [{ word: long, meaning: firstLine(description) }] : []))
}

function choicesOf(option: Option): string[] {
  if (option.long === '--output') return [...FORMATS]
  return option.argChoices ?? /^[A-Z_]+(\|[A-Z_]+)+$/.exec(option.flags.split('<')[1]?.replace('>', '') ?? '')?.[0].split('|') ?? []
}

/** One a line: a word that holds a line break or a tab cannot be passed on to a shell, and is left out. */
function fitting(words: readonly Word[], prefix: string): Word[] {
  return words.filter(({ word }) => word.startsWith(prefix) && !/[\p{Cc}]/u.test(word))
}

function isHidden(command: Command): boolean {
  return command.name() === 'complete'
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
