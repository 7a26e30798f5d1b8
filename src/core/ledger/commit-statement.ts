import { REVISION_CHANNEL } from '../database/postgres/revision-listener.js'
import { mapInSlices } from '../platform/slices.js'
import { CHANGE_COLUMNS, type ChangeRecord, toChangeRow } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import type { DraftChange } from '../state/draft.js'
import type { SnapshotPosition } from '../state/snapshot.js'
import type { Json } from '../values/json.js'

/** A first answer to be kept for its idempotency key. */
export interface IdempotencyRow {
  readonly client_id: string
  readonly operation: string
  readonly key: string
  readonly input_hash: string
  readonly answer: Json
  readonly revision: number | null
  readonly created_at: string
  readonly expires_at: string
}

/** What an answer is found by. */
export type AnswerKey = Pick<IdempotencyRow, 'client_id' | 'operation' | 'key'>

/** Everything that one transaction of the ledger writes. */
export interface CommitBatch {
  readonly base: SnapshotPosition
  readonly head: SnapshotPosition
  readonly changes: readonly ChangeRecord[]
  /** The last word on every touched record. */
  readonly records: readonly DraftChange[]
  readonly idempotency: readonly IdempotencyRow[]
}

const ANSWER_COLUMNS = ['client_id', 'operation', 'key', 'input_hash', 'answer', 'revision', 'created_at', 'expires_at'] as const

/** A name as it stands in SQL. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** The column of a collection's key, quoted. */
export function keyColumn(collection: AnyCollection): string {
  return quote(collection.columns[Object.keys(collection.fields).indexOf(collection.key)] as string)
}

/**
 * The advisory lock by which replicas take turns, for a transaction at a time. PostgreSQL serves who waits for it in the order in
 * which they came, which it does not for a row; and while one waits, nobody gets it without waiting.
 */
export const TURN_LOCK = 7_304_119_662

/**
 * One statement: the head moves only from where the batch was evaluated, and every other part hangs on that row. In READ
 * COMMITTED the UPDATE waits for a concurrent commit and then looks again, so exactly one of two commits on one base wins.
 * With `isYielding` nothing is written while another replica has the turn or waits for it.
 */
export async function commitStatement(
  batch: CommitBatch,
  { isYielding }: { readonly isYielding: boolean },
): Promise<{ text: string; values: unknown[] }> {
  const values: unknown[] = [batch.base.revision, batch.head.revision, batch.head.digest, batch.base.digest]
  const bind = (value: unknown): string => `$${values.push(value)}`
  const parts = [
    ...(isYielding ? [`turn AS (SELECT pg_try_advisory_xact_lock_shared(${TURN_LOCK}) AS is_free)`] : []),
    `head AS (UPDATE ledger_head SET revision = $2, digest = $3
      WHERE id = 1 AND revision = $1 AND digest = $4${isYielding ? ' AND (SELECT is_free FROM turn)' : ''} RETURNING revision)`,
    `log AS (${insertRows('changes', CHANGE_COLUMNS, bind(await jsonOf(batch.changes, toChangeRow)))})`,
  ]
  for (const [index, { collection, puts, deletes }] of groupByCollection(batch.records).entries()) {
    const [table, key] = [quote(collection.table), keyColumn(collection)]
    if (puts.length > 0) {
      const updates = collection.columns.map((column) => `${quote(column)} = excluded.${quote(column)}`).join(', ')
      const rows = bind(await jsonOf(puts, (record) => collection.toRow(record)))
      parts.push(`put${index} AS (${insertRows(table, collection.columns, rows)} ON CONFLICT (${key}) DO UPDATE SET ${updates})`)
    }
    if (deletes.length > 0)
      parts.push(`del${index} AS (DELETE FROM ${table} WHERE ${key} = ANY(${bind(deletes)}) AND EXISTS (SELECT FROM head))`)
  }
  if (batch.idempotency.length > 0) {
    const rows = bind(await jsonOf(batch.idempotency, (row) => row))
    // A no-op moves no head, so that two replicas may keep an answer for one key at once. The second one waits for the first
    // one's row, and runs into it: that takes back all of its statement. Answers that have expired are out of the way by then,
    // as the insertion cannot begin before they are counted.
    parts.push(
      `expired AS (DELETE FROM idempotency_records i USING head, json_populate_recordset(NULL::idempotency_records, ${rows}::json) r
        WHERE (i.client_id, i.operation, i.key) = (r.client_id, r.operation, r.key) AND i.expires_at <= r.created_at RETURNING 1)`,
      `answers AS (${insertRows('idempotency_records', ANSWER_COLUMNS, rows)}, (SELECT count(*) FROM expired) gone)`,
    )
  }
  return { text: `WITH ${parts.join(',\n')}\nSELECT pg_notify('${REVISION_CHANNEL}', revision::text) FROM head`, values }
}

/** The batch in pieces of at most so many records, to be written one after the other in one transaction: all but the first find the head moved. */
export function piecesOf(batch: CommitBatch, records: number): readonly CommitBatch[] {
  const count = Math.max(1, Math.ceil(Math.max(batch.changes.length, batch.records.length) / records))
  return Array.from({ length: count }, (_, index) => {
    const [from, to] = [index * records, (index + 1) * records]
    const piece = { ...batch, changes: batch.changes.slice(from, to), records: batch.records.slice(from, to) }
    return index === 0 ? piece : { ...piece, base: batch.head, idempotency: [] }
  })
}

/** The JSON of a list of rows. */
async function jsonOf<T>(items: readonly T[], toRow: (item: T) => object): Promise<string> {
  return `[${(await mapInSlices(items, (item) => JSON.stringify(toRow(item)))).join(',')}]`
}

/**
 * An INSERT of rows that a parameter holds as JSON, if the head has moved. It names its columns: a process of this build goes on
 * working when a newer one has added some.
 */
function insertRows(table: string, columns: readonly string[], rows: string): string {
  const names = columns.map(quote)
  return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${names.map((name) => `r.${name}`).join(', ')} FROM head, json_populate_recordset(NULL::${table}, ${rows}::json) r`
}

function groupByCollection(records: readonly DraftChange[]): { collection: AnyCollection; puts: object[]; deletes: string[] }[] {
  const groups = new Map<AnyCollection, { collection: AnyCollection; puts: object[]; deletes: string[] }>()
  for (const { collection, key, record } of records) {
    const group = groups.get(collection) ?? { collection, puts: [], deletes: [] }
    groups.set(collection, group)
    if (record) group.puts.push(record)
    else group.deletes.push(key)
  }
  return [...groups.values()]
}
