import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ENUMS, INPUTS, type InputField } from '../../generated/graphql/inputs.js'
import type { Given } from '../cli.js'
import { usage } from '../fault.js'
import { readMoment } from './moment.js'

/** Fields that are arguments, or options of every change. */
const ELSEWHERE: ReadonlySet<string> = new Set(['reason', 'idempotencyKey'])

interface FieldOption {
  readonly field: string
  readonly flag: string
  readonly type: string
  readonly isNullable: boolean
  readonly description: string
}

function optionsOf(input: string, taken: readonly string[]): FieldOption[] {
  return Object.entries(INPUTS[input] ?? {})
    .filter(([field]) => !ELSEWHERE.has(field) && !taken.includes(field))
    .map(([field, { type, description }]: [string, InputField]) => ({
      field,
      flag: hyphenated(field),
      type: type.replace(/!$/, ''),
      isNullable: !type.endsWith('!'),
      description: description.replace(/\s+/g, ' '),
    }))
}

/** `isEnabled` is `--enabled`, `maxRequests` is `--max-requests`. */
function hyphenated(field: string): string {
  const name = field.replace(/^is(?=[A-Z])/, '')
  return name.replace(/^[A-Z]/, (letter) => letter.toLowerCase()).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Gives a command an option for each field of an input but those in `taken`, described as in the schema. */
export function addInputOptions(command: Command, input: string, taken: readonly string[]): Command {
  const options = optionsOf(input, taken)
  for (const { flag, type, description } of options) {
    if (type === 'Boolean') {
      command.option(`--${flag}`, description).option(`--no-${flag}`, `the opposite of --${flag}`)
      continue
    }
    const option = new Option(`--${flag} <${placeholder(type)}>`, description)
    const known = ENUMS[type]
    if (known) option.argParser((text) => readChoice(text, Object.keys(known)))
    else option.argParser((text, before) => parseAs(type, text, before))
    command.addOption(option)
  }
  const clearable = options.filter(({ isNullable, type, field }) => isNullable && type !== 'Boolean' && field !== 'expectedVersion')
  if (clearable.length > 0) {
    const names = clearable.map(({ flag }) => flag).join(', ')
    command.option(
      '--clear <field>',
      `set a field to nothing, its default: ${names} (can be repeated)`,
      (text: string, before?: string[]) => [
        ...(before ?? []),
        readChoice(
          text,
          clearable.map(({ flag }) => flag),
          false,
        ),
      ],
    )
  }
  return command
}

function placeholder(type: string): string {
  if (ENUMS[type]) return Object.keys(ENUMS[type]).join('|')
  const words: Readonly<Record<string, string>> = {
    Int: 'number',
    Float: 'number',
    DateTimeISO: 'time',
    String: 'text',
    ID: 'id',
    SemVer: 'version',
    URL: 'url',
  }
  return words[type] ?? (isTextList(type) ? 'text' : 'json')
}

function isTextList(type: string): boolean {
  return type === '[String!]' || type === '[ID!]'
}

function readChoice(text: string, choices: readonly string[], isUpper = true): string {
  const wanted = isUpper ? text.toUpperCase().replaceAll('-', '_') : text
  if (!choices.includes(wanted)) throw new InvalidArgumentError(`Choose one of ${choices.join(', ')}.`)
  return wanted
}

function parseAs(type: string, text: string, before: unknown): unknown {
  switch (type) {
    case 'Int':
      return readNumber(text, /^-?\d{1,10}$/, 'a whole number')
    case 'Float':
      return readNumber(text, /^-?\d+(\.\d+)?$/, 'a number such as 12.5')
    case 'DateTimeISO':
      return readMoment(text)
    case 'String':
    case 'ID':
    case 'SemVer':
    case 'URL':
      return text
    default:
      return isTextList(type) ? [...((before as string[] | undefined) ?? []), text] : readJson(text)
  }
}

/** A number in plain decimals. */
export function readNumber(text: string, shape: RegExp, what: string): number {
  if (!shape.test(text)) throw new InvalidArgumentError(`This must be ${what}.`)
  return Number(text)
}

/** JSON as it was typed, or `@file` that holds it; a text that is no JSON is not guessed at. */
export function readJson(text: string): unknown {
  const source = text.startsWith('@') ? readFile(text.slice(1)) : text
  try {
    return JSON.parse(source)
  } catch {
    throw new InvalidArgumentError(`This must be JSON, such as 10, true, '"a text"' or '{"max": 10}', or @file that holds it.`)
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw usage(`${path} cannot be read: ${(error as Error).message}`)
  }
}

/** The fields of an input that were given as options. */
export function readInput(input: string, given: Given): Record<string, unknown> {
  const cleared = (given['clear'] ?? []) as readonly string[]
  const fields: Record<string, unknown> = {}
  for (const { field, flag } of optionsOf(input, [])) {
    const value = given[new Option(`--${flag}`).attributeName()]
    if (cleared.includes(flag)) fields[field] = null
    else if (value !== undefined) fields[field] = value
  }
  return fields
}
