import type { Colors } from 'picocolors/types.js'
import { usage } from '../fault.js'
import { environment } from '../platform.js'
import { cell, plain } from './text.js'

/** The forms in which data can be printed. */
export const FORMATS = ['table', 'json', 'yaml', 'name'] as const
export type Format = (typeof FORMATS)[number]

/** One column of a table: its header, and what stands there of a row. */
export type Column<T> = readonly [header: string, read: (row: T) => unknown]

/** How rows are shown: what people call one, and the columns. */
export interface View<T> {
  readonly name: (row: T) => string
  readonly columns: readonly Column<T>[]
}

/** Where results and words go: data to standard output, everything else to standard error. */
export class Output {
  readonly format: Format
  /** Whether standard output is a terminal: then there are headers. */
  readonly isTerminal = process.stdout.isTTY === true
  /** Whether somebody can be asked: both what they type and what they see is a terminal. */
  readonly canAsk = process.stdin.isTTY === true && process.stderr.isTTY === true
  #colors: Colors | undefined

  constructor(format: Format) {
    this.format = format
  }

  /** Prints rows. JSON and YAML hold them as the schema has them. */
  async rows<T>(rows: readonly T[], view: View<T>): Promise<void> {
    if (this.format === 'json' || this.format === 'yaml') return this.data(rows)
    if (this.format === 'name') return this.lines(rows.map(view.name))
    const cells = rows.map((row) => view.columns.map(([, read]) => cell(read(row))))
    if (!this.isTerminal) return this.lines(cells.map((row) => row.join('\t')))
    if (rows.length === 0) return this.say('nothing found')
    const { bold } = await this.colors('stdout')
    await this.#table([view.columns.map(([header]) => bold(header.toUpperCase())), ...cells])
  }

  /** Prints one object: a line a field. */
  async object<T extends object>(value: T, view: View<T>): Promise<void> {
    if (this.format === 'json' || this.format === 'yaml') return this.data(value)
    if (this.format === 'name') return this.lines([view.name(value)])
    const lines = view.columns.map(([header, read]) => [header, cell(read(value))])
    if (!this.isTerminal) return this.lines(lines.map((line) => line.join('\t')))
    const { bold } = await this.colors('stdout')
    await this.#table(lines.map(([header = '', text = '']) => [bold(header), text]))
  }

  /** Prints a value as JSON, or as YAML if that was asked for. */
  async data(value: unknown): Promise<void> {
    if (this.format !== 'yaml') return this.text(`${JSON.stringify(value, null, 2)}\n`)
    const { toYaml } = await import('./yaml.js')
    return this.text(toYaml(value))
  }

  /** Prints lines that no terminal obeys. */
  lines(lines: readonly string[]): void {
    this.text(lines.map((line) => `${line.split('\t').map(plain).join('\t')}\n`).join(''))
  }

  /** Prints a text as it is. */
  text(text: string): void {
    process.stdout.write(text)
  }

  /** Says something to whoever runs the command, on standard error. */
  say(words: string): void {
    process.stderr.write(`${words}\n`)
  }

  /** Colours of a stream: none in a pipe, with NO_COLOR (no-color.org) or on a dumb terminal; FORCE_COLOR wants them anyway. */
  async colors(stream: 'stdout' | 'stderr'): Promise<Colors> {
    if (this.#colors) return this.#colors
    const { default: pico } = await import('picocolors')
    this.#colors = pico.createColors(isColored(stream))
    return this.#colors
  }

  async #table(rows: string[][]): Promise<void> {
    const { default: Table } = await import('cli-table3')
    const table = new Table({ chars: NO_LINES, style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] } })
    table.push(...rows)
    this.text(`${table.toString().replaceAll(/ +$/gm, '')}\n`)
  }
}

function isColored(stream: 'stdout' | 'stderr'): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment
  if (NO_COLOR) return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0'
  return process[stream].isTTY === true && TERM !== 'dumb'
}

const SIDES = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
const INNER = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle']
const NO_LINES = Object.fromEntries([...SIDES, ...INNER].map((name) => [name, '']))

/** The format that was asked for. */
export function readFormat(text: string | undefined): Format {
  const format = FORMATS.find((each) => each === (text ?? 'table'))
  if (!format) throw usage(`"${text}" is no format of this command`, `choose one of ${FORMATS.join(', ')}`)
  return format
}
