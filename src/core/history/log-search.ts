import { setImmediate as nextTurn } from 'node:timers/promises'
import type { QueryableDatabase } from '../database/database.js'
import { type ChangeLogFilter, type ChangePosition, conditionsOf } from '../ledger/change-log.js'
import { type ChangeEntry, type ChangeTarget, ENTRY_COLUMNS, fromEntryRow } from '../state/change.js'
import type { JsonObject } from '../values/json.js'
import type { HistoryTools } from './log-spans.js'

/** Most rows, or revisions, that one statement looks at; the embedded database holds everybody up meanwhile. */
const WINDOW = { shared: 20_000, embedded: 2_500 }
/** Behind every change. */
const END: ChangePosition = { revision: 2_147_483_647, ordinal: 0 }

/** What is looked for. */
export interface LogSearch extends ChangeLogFilter {
  /** Any of these records. */
  readonly targets?: readonly ChangeTarget[] | undefined
  /** Part of the key, the id, the operation, the reason or the name of who did it, whatever the letter case (of a to z). */
  readonly search?: string | null
  /** Keys of records whose names hold the text, where these are not their keys. */
  readonly searchedKeys?: readonly string[]
}

/** Whether an index alone does not find what is looked for. */
export function isSearch({ action, search, targets }: LogSearch): boolean {
  return !!action || !!search || targets !== undefined
}

/** Which of the changes that are found count. */
export interface SearchWindow {
  readonly take: number
  readonly after?: ChangePosition | undefined
  /** Of each revision only the first change that is found; then `after` is behind a whole revision. */
  readonly isByRevision?: boolean
}

interface FoundRow {
  readonly looked: number
  readonly last: ChangePosition | null
  readonly rows: readonly JsonObject[]
}

/**
 * Changes newest first, at most `take`, without images: looked for in stretches of the log, so that no statement is long, however
 * rare they are. A search for what is not there walks over the whole log: some seconds for a million changes.
 */
export async function findChanges(database: QueryableDatabase, filter: LogSearch, window: SearchWindow): Promise<ChangeEntry[]> {
  const found = new Map<string, ChangeEntry>()
  const most = database.isShared ? WINDOW.shared : WINDOW.embedded
  let after = window.after ?? END
  for (let size = Math.min(window.take * 4, most); found.size < window.take; size = Math.min(size * 4, most)) {
    const { looked, last, rows } = await lookAt(database, filter, { ...window, after, size })
    for (const row of rows) {
      const change = fromEntryRow(row)
      const mark = window.isByRevision ? String(change.revision) : change.id
      if (!found.has(mark)) found.set(mark, change)
    }
    if (looked < size || !last) break
    after = last
    await nextTurn()
  }
  return [...found.values()].slice(0, window.take)
}

async function lookAt(
  database: QueryableDatabase,
  filter: LogSearch,
  { take, after, size, isByRevision }: SearchWindow & { readonly after: ChangePosition; readonly size: number },
): Promise<FoundRow> {
  const { where, values } = exactly(filter, { ...after, comparison: '<' })
  const loose = loosely(filter, values)
  const text = `WITH looked AS (SELECT ${ENTRY_COLUMNS.join(', ')} FROM changes
      WHERE ${where} ORDER BY revision DESC, ordinal DESC LIMIT ${size}),
    found AS (SELECT ${isByRevision ? 'DISTINCT ON (revision)' : ''} * FROM looked WHERE ${loose} ORDER BY revision DESC, ordinal DESC LIMIT ${take})
    SELECT (SELECT count(*) FROM looked)::int AS looked,
      (SELECT json_build_object('revision', revision, 'ordinal', ordinal) FROM looked ORDER BY revision, ordinal LIMIT 1) AS last,
      coalesce((SELECT json_agg(to_json(f) ORDER BY revision DESC, ordinal DESC) FROM found f), '[]') AS rows`
  const [row] = (await database.ask<FoundRow>(text, values)).rows
  return row ?? { looked: 0, last: null, rows: [] }
}

/** How many changes there are, and how many revisions have some. */
export interface FoundCounts {
  readonly changes: number
  readonly revisions: number
}

/** Counts what is found, in stretches as {@link findChanges} looks for it. */
export async function countChanges({ database, changeLog }: HistoryTools, filter: LogSearch): Promise<FoundCounts> {
  const size = database.isShared ? WINDOW.shared : WINDOW.embedded
  const bounds = await changeLog.bounds()
  const [since, until] = [bounds.start.revision, bounds.head.revision]
  const [first, last] = [Math.max(since, filter.sinceRevision ?? 0), Math.min(until, filter.untilRevision ?? until)]
  let [changes, revisions] = [0, 0]
  for (let reached = first; reached < last; reached += size) {
    const { where, values } = exactly({ ...filter, sinceRevision: reached, untilRevision: Math.min(reached + size, last) })
    const text = `SELECT count(*)::int AS changes, count(DISTINCT revision)::int AS revisions FROM changes
      WHERE ${where} AND ${loosely(filter, values)}`
    const [row] = (await database.ask<FoundCounts & { readonly [column: string]: number }>(text, values)).rows
    changes += row?.changes ?? 0
    revisions += row?.revisions ?? 0
    await nextTurn()
  }
  return { changes, revisions }
}

/** SQL for what an index can find, with its parameters. */
function exactly(
  { targets, ...filter }: LogSearch,
  place?: Parameters<typeof conditionsOf>[1],
): { readonly where: string; readonly values: unknown[] } {
  const { where, values } = conditionsOf({ ...filter, action: null }, place)
  if (!targets) return { where, values: [...values] }
  const [types, keys] = [targets.map(({ targetType }) => targetType), targets.map(({ targetKey }) => targetKey)]
  const [first, second] = [values.length + 1, values.length + 2]
  const isTarget = `(target_type, target_key) IN (SELECT * FROM unnest($${first}::text[], $${second}::text[]))`
  return { where: `${where} AND ${isTarget}`, values: [...values, types, keys] }
}

/** SQL for what has to be looked at row by row. */
function loosely({ action, search, searchedKeys = [] }: LogSearch, values: unknown[]): string {
  const given = (value: unknown): string => `$${values.push(value)}`
  const conditions = action ? [`action = ${given(action)}`] : []
  if (search) {
    const part = given(lowered(search))
    const holds = SEARCHED.map((column) => `strpos(lower(${column} COLLATE "C"), ${part}) > 0`)
    conditions.push(`(${[...holds, `target_key = ANY (${given(searchedKeys)}::text[])`].join(' OR ')})`)
  }
  return conditions.length === 0 ? 'true' : conditions.join(' AND ')
}

const SEARCHED = ['target_key', 'target_id', 'operation', 'reason', 'actor_name']

/** Whether a change holds the text that is searched for: the same rule as the database's, for changes that arrive live. */
export function holdsText(change: ChangeEntry, text: string, searchedKeys: readonly string[]): boolean {
  const { targetKey, targetId, operation, reason, actor } = change
  const part = lowered(text)
  return (
    searchedKeys.includes(targetKey) ||
    [targetKey, targetId, operation, reason ?? '', actor.name].some((held) => lowered(held).includes(part))
  )
}

/** As the database lowers a text in the collation "C": both engines alike. */
function lowered(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
