import type { Row } from './rounds.js'
import type { Spread } from './statistics.js'

/** A number for information, without a baseline. */
export interface Fact {
  readonly name: string
  /** Milliseconds. */
  readonly timeMs: Spread
}

/** What belongs together. */
export interface Section {
  readonly title: string
  /** What the rates of its rows are. */
  readonly unit: string
  readonly rows: readonly Row[]
  readonly facts: readonly Fact[]
  readonly notes?: readonly string[]
}

/** The cells of a section's rows, with headings: medians over the rounds; ratios of rates, with their least and greatest. */
function cellsOf({ unit, rows }: Section): readonly (readonly string[])[] {
  const cells = rows.map(({ name, perSecond, p50Ms, p99Ms, ratios }) => [
    name,
    Math.round(perSecond.median).toLocaleString('en'),
    showTime(p50Ms.median),
    showTime(p99Ms.median),
    ratios
      .map(({ baseline, spread: { median, min, max } }) => `${digits(median)} (${digits(min)}-${digits(max)}) of ${baseline}`)
      .join('; '),
  ])
  return cells.length > 0 ? [['', unit, 'p50', 'p99', 'ratio (least-greatest)'], ...cells] : []
}

/** A section as plain text. */
export function textOf(section: Section): string {
  return [`## ${section.title}`, ...align(cellsOf(section)), ...section.facts.map(showFact), ...(section.notes ?? [])].join('\n')
}

/** A section as Markdown. */
export function markdownOf(section: Section): string {
  const [headings, ...rows] = cellsOf(section)
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const table = headings ? [line(headings), '|---|---:|---:|---:|---|', ...rows.map(line), ''] : []
  return [`### ${section.title}`, '', ...table, ...[...section.facts.map(showFact), ...(section.notes ?? [])].map((line) => `- ${line}`)]
    .join('\n')
    .trimEnd()
}

function showFact({ name, timeMs: { median, min, max } }: Fact): string {
  return `${name}: ${showTime(median)} (${showTime(min)}-${showTime(max)})`
}

/** Pads the columns to the same width; numbers stand on the right. */
function align(table: readonly (readonly string[])[]): string[] {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  const pad = (cell: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 || column === widths.length - 1 ? cell.padEnd(width) : cell.padStart(width)
  }
  return table.map((cells) => cells.map(pad).join('  ').trimEnd())
}

function digits(ratio: number): string {
  return ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)
}

/** A time with a unit that fits, to three digits. */
function showTime(milliseconds: number): string {
  if (milliseconds >= 1_000) return `${(milliseconds / 1_000).toPrecision(3)} s`
  if (milliseconds >= 1) return `${milliseconds.toPrecision(3)} ms`
  return `${(milliseconds * 1_000).toPrecision(3)} us`
}
