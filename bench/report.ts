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
  readonly rows: readonly Row[]
  readonly facts: readonly Fact[]
}

const HEADINGS = ['scenario', 'per second', 'p50', 'p99', 'ratio', 'min-max', 'baseline']

/** A section as a plain table: medians over the rounds; ratios of rates, with their least and greatest. */
export function tableOf({ title, rows, facts }: Section): string {
  const cells = rows.map(({ name, perSecond, p50Ms, p99Ms, ratio, baseline }) => [
    name,
    Math.round(perSecond.median).toLocaleString('en'),
    showTime(p50Ms.median),
    showTime(p99Ms.median),
    ratio ? ratio.median.toFixed(2) : '',
    ratio ? `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}` : '',
    baseline ?? '',
  ])
  const lines = cells.length > 0 ? align([HEADINGS, ...cells]) : []
  const notes = facts.map(({ name, timeMs: { median, min, max } }) => `${name}: ${showTime(median)} (${showTime(min)}-${showTime(max)})`)
  return [`## ${title}`, ...lines, ...notes].join('\n')
}

/** Pads the columns to the same width; numbers stand on the right. */
function align(table: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  const isText = (column: number): boolean => column === 0 || column === HEADINGS.length - 1
  const pad = (cell: string, column: number): string => {
    const width = widths[column] ?? 0
    return isText(column) ? cell.padEnd(width) : cell.padStart(width)
  }
  return table.map((cells) => cells.map(pad).join('  ').trimEnd())
}

/** A time with a unit that fits, to three digits. */
function showTime(milliseconds: number): string {
  if (milliseconds >= 1_000) return `${(milliseconds / 1_000).toPrecision(3)} s`
  if (milliseconds >= 1) return `${milliseconds.toPrecision(3)} ms`
  if (milliseconds >= 0.001) return `${(milliseconds * 1_000).toPrecision(3)} us`
  return `${(milliseconds * 1_000_000).toPrecision(3)} ns`
}
