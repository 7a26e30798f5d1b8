import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Database, QueryableDatabase } from '../database/database.js'
import { orAway } from '../database/database-error.js'
import { REVISION_CHANNEL } from '../database/postgres/revision-listener.js'
import { mapInSlices } from '../platform/slices.js'
import { CHANGE_COLUMNS, type ChangeRecord, fromChangeRow, toChangeRow } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import type { DraftChange } from '../state/draft.js'
import { Snapshot, type SnapshotPosition } from '../state/snapshot.js'
import type { Json, JsonObject } from '../values/json.js'

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

/** What happened after a revision, with the rows as they are at `head`. */
export interface CatchUp {
  readonly head: SnapshotPosition
  readonly changes: readonly ChangeRecord[]
  readonly records: readonly { collection: AnyCollection; key: string; record: object | undefined }[]
}

const ANSWER_COLUMNS = ['client_id', 'operation', 'key', 'input_hash', 'answer', 'revision', 'created_at', 'expires_at'] as const
/** PostgreSQL documentation, appendix A; and the constraint of it that a commit runs into whose idempotency key was used meanwhile. */
const UNIQUE_VIOLATION = '23505'
const ANSWERS_KEY = 'idempotency_records_pkey'
/** Loading a big state takes longer than a request may: these replace the pool's own limits inside of a load. */
const LOAD_TIMEOUT_MS = 120_000

const HEAD_QUERY = 'SELECT revision, digest FROM ledger_head WHERE id = 1'

/**
 * SQL for the digest at a revision (`place`, a parameter): that of its last change or of the checkpoint; null where the log
 * does not hold it.
 */
export function digestAt(place: string): string {
  return `coalesce(
    (SELECT c.digest FROM changes c WHERE c.revision = ${place} ORDER BY c.ordinal DESC LIMIT 1),
    (SELECT k.digest FROM ledger_checkpoint k WHERE k.revision = ${place}))`
}

/** Answers among `keys` that have not expired at `now`, asked for with `ask`. */
export async function findAnswers(ask: QueryableDatabase['ask'], keys: readonly AnswerKey[], now: Date): Promise<IdempotencyRow[]> {
  const text = `SELECT to_json(i) AS row FROM idempotency_records i
    JOIN json_to_recordset($1::json) AS k(client_id text, operation text, key text)
      ON i.client_id = k.client_id AND i.operation = k.operation AND i.key = k.key
    WHERE i.expires_at > $2`
  const { rows } = await ask<{ row: IdempotencyRow }>(text, [JSON.stringify(keys), now])
  return rows.map(({ row }) => row)
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The ledger's SQL: how batches are written and how state is read back. */
export class Store {
  readonly #database: Database
  readonly #collections: ReadonlyMap<string, AnyCollection>

  constructor(database: Database, collections: readonly AnyCollection[]) {
    this.#database = database
    this.#collections = new Map(collections.map((collection) => [collection.name, collection]))
  }

  /** Where the database stands. */
  async readHead(): Promise<SnapshotPosition> {
    return orAway('nothing', async () => head(await this.#database.ledgerPool.query(HEAD_QUERY)))
  }

  /** The whole state, read in one transaction. */
  async loadAll(): Promise<Snapshot> {
    return this.#inReadTransaction(async (client) => {
      const position = head(await client.query(HEAD_QUERY))
      const snapshot = Snapshot.empty([...this.#collections.values()], position)
      for (const collection of this.#collections.values()) {
        const table = snapshot.table(collection.name)
        const text = `SELECT to_json(t) AS row FROM ${quote(collection.table)} t ORDER BY t.${keyColumn(collection)}`
        for (const { row } of (await client.query<{ row: JsonObject }>(slow(text))).rows) {
          const record = collection.fromRow(row)
          table.set(collection.keyOf(record), record)
        }
      }
      return snapshot
    })
  }

  /**
   * What came after `position`. `undefined` when it cannot be told step by step: too much has happened (more than `limit`
   * changes), or the log does not lead through `position` (the database was restored from a backup, and maybe written to
   * since; or the log was shortened); the whole state has to be loaded then.
   */
  async loadSince(position: SnapshotPosition, limit: number): Promise<CatchUp | undefined> {
    return this.#inReadTransaction(async (client) => {
      const now = head(await client.query(HEAD_QUERY))
      if (now.revision === position.revision && now.digest === position.digest) return { head: now, changes: [], records: [] }
      if (now.revision <= position.revision || !(await this.#holds(client, position))) return undefined
      const text = 'SELECT to_json(c) AS row FROM changes c WHERE c.revision > $1 ORDER BY c.revision, c.ordinal LIMIT $2'
      const { rows } = await client.query<{ row: JsonObject }>(slow(text, [position.revision, limit + 1]))
      if (rows.length > limit || rows.length === 0 || rows[0]?.row['revision'] !== position.revision + 1) return undefined
      const changes = rows.map(({ row }) => fromChangeRow(row))
      return { head: now, changes, records: await this.#readTouched(client, changes) }
    })
  }

  /**
   * Writes a batch if the database still stands at `batch.base`, in one statement and so in one transaction. Returns false,
   * with nothing written, when another process was first: with a commit, or with one of the batch's idempotency keys.
   */
  async write(batch: CommitBatch): Promise<boolean> {
    const { text, values } = await commitStatement(batch)
    const client = await orAway('nothing', () => this.#database.ledgerPool.connect())
    let failure: Error | undefined
    try {
      const { rowCount } = await orAway('unknown', () => client.query({ text, values, ...this.#prepared(text) }))
      return rowCount === 1
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION && error.constraint === ANSWERS_KEY) return false
      failure = error as Error
      throw error
    } finally {
      client.release(failure)
    }
  }

  /** Kept first answers among `keys` that have not expired at `now`. */
  async findAnswers(keys: readonly AnswerKey[], now: Date): Promise<IdempotencyRow[]> {
    return orAway('nothing', () => findAnswers((text, values = []) => this.#database.ledgerPool.query(text, [...values]), keys, now))
  }

  /**
   * A name under which the embedded database keeps the plan of a statement: a third of a commit's cost there. Not on a
   * server, since a pooler between may hand the next transaction to a session that has never heard of it.
   */
  #prepared(text: string): { name?: string } {
    return this.#database.isShared ? {} : { name: createHash('sha256').update(text).digest('hex').slice(0, 40) }
  }

  /** Whether the log leads through `position`. Nothing comes before revision 0. */
  async #holds(client: pg.PoolClient, { revision, digest }: SnapshotPosition): Promise<boolean> {
    if (revision === 0) return true
    const { rows } = await client.query<{ digest: string | null }>(`SELECT ${digestAt('$1')} AS digest`, [revision])
    return rows[0]?.digest === digest
  }

  async #readTouched(client: pg.PoolClient, changes: readonly ChangeRecord[]): Promise<CatchUp['records']> {
    const keys = new Map<AnyCollection, Set<string>>()
    for (const change of changes) {
      const collection = this.#collections.get(change.targetType)
      // A newer build may log records that this one does not know; they are not part of this process's state.
      if (!collection) continue
      const of = keys.get(collection) ?? new Set()
      keys.set(collection, of.add(change.targetKey))
    }
    const records: { collection: AnyCollection; key: string; record: object | undefined }[] = []
    for (const [collection, touched] of keys) {
      const text = `SELECT to_json(t) AS row FROM ${quote(collection.table)} t WHERE t.${keyColumn(collection)} = ANY($1)`
      const { rows } = await client.query<{ row: JsonObject }>(slow(text, [[...touched]]))
      const found = new Map(rows.map(({ row }) => collection.fromRow(row)).map((record) => [collection.keyOf(record), record]))
      for (const key of touched) records.push({ collection, key, record: found.get(key) })
    }
    return records
  }

  async #inReadTransaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    // All of it: a connection may break at BEGIN and COMMIT as well.
    return orAway('nothing', async () => {
      const client = await this.#database.ledgerPool.connect()
      let failure: Error | undefined
      try {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
        await client.query(`SET LOCAL statement_timeout = ${LOAD_TIMEOUT_MS}`)
        const result = await work(client)
        await client.query('COMMIT')
        return result
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error))
        throw error
      } finally {
        // A connection that failed in a transaction is not handed to anybody else.
        client.release(failure)
      }
    })
  }
}

function slow(text: string, values: unknown[] = []): pg.QueryConfig & { query_timeout: number } {
  return { text, values, query_timeout: LOAD_TIMEOUT_MS }
}

function head(result: pg.QueryResult<{ revision: number; digest: string }>): SnapshotPosition {
  const [row] = result.rows
  if (!row) throw new Error('ledger_head has no row; restore it, or start with an empty database')
  return { revision: row.revision, digest: row.digest }
}

function keyColumn(collection: AnyCollection): string {
  return quote(collection.columns[Object.keys(collection.fields).indexOf(collection.key)] as string)
}

/**
 * One statement: the head moves only from where the batch was evaluated, and every other part hangs on that row. In READ
 * COMMITTED the UPDATE waits for a concurrent commit and then looks again, so exactly one of two commits on one base wins.
 */
async function commitStatement(batch: CommitBatch): Promise<{ text: string; values: unknown[] }> {
  const values: unknown[] = [batch.base.revision, batch.head.revision, batch.head.digest, batch.base.digest]
  const bind = (value: unknown): string => `$${values.push(value)}`
  const parts = [
    `head AS (UPDATE ledger_head SET revision = $2, digest = $3 WHERE id = 1 AND revision = $1 AND digest = $4 RETURNING revision)`,
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
