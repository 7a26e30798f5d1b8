import type { Colors } from 'picocolors/types.js'
import type { Json } from '../connection/document.js'
import { cell, plain } from '../output/text.js'

/** One object of a plan, as the server shows it. */
export interface PlannedChange {
  readonly step: number
  readonly targetType: string
  readonly targetId: string
  readonly targetKey: string
  readonly action: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly before: Json
  readonly after: Json
}

/** One member that differs; undefined where it is not there. */
export interface Difference {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** What every object has and nobody sets. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['id', 'createdAt', 'updatedAt'])
const MAX_CELL = 400

/** The members in which two images of an object differ, by path, without bookkeeping. */
export function differencesOf({ targetType, before, after }: Pick<PlannedChange, 'targetType' | 'before' | 'after'>): Difference[] {
  // The counter of edits; where `version` is something that people set, it is called otherwise.
  const counter = targetType === 'SystemStatus' ? 'rowVersion' : 'version'
  return [...walk(before ?? {}, after ?? {}, '')].filter(({ path }) => path !== counter && !BOOKKEEPING.has(path))
}

function* walk(before: unknown, after: unknown, path: string): Generator<Difference> {
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    for (const name of names) yield* walk(memberOf(before, name), memberOf(after, name), path === '' ? name : `${path}.${name}`)
  } else if (JSON.stringify(before) !== JSON.stringify(after)) yield { path, before, after }
}

function memberOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

const SIGNS = { CREATE: '+', UPDATE: '~', DELETE: '-' } as const

/** A plan in words: an object a line, with a line for each member that changes. */
export function planLines(plan: readonly PlannedChange[], colors: Colors): string[] {
  const paint = { CREATE: colors.green, UPDATE: colors.yellow, DELETE: colors.red }
  return plan.flatMap((change) => [
    paint[change.action](`${SIGNS[change.action]} ${change.targetType} ${plain(change.targetKey)}`),
    ...(change.action === 'DELETE' ? [] : differencesOf(change).map((difference) => `    ${differenceLine(change, difference)}`)),
  ])
}

function differenceLine({ action }: PlannedChange, { path, before, after }: Difference): string {
  const [old, fresh] = [shown(before), shown(after)]
  return action === 'CREATE' ? `${plain(path)}: ${fresh}` : `${plain(path)}: ${old} -> ${fresh}`
}

function shown(value: unknown): string {
  if (value === undefined) return '(nothing)'
  const text = typeof value === 'string' ? plain(JSON.stringify(value)) : value === null ? 'null' : cell(value)
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL)}...` : text
}

/** How much a plan does, in a few words. */
export function summaryOf(plan: readonly PlannedChange[]): string {
  const count = (wanted: PlannedChange['action']): number => plan.filter(({ action }) => action === wanted).length
  return `${count('CREATE')} to make, ${count('UPDATE')} to change, ${count('DELETE')} to delete`
}
