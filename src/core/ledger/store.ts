import { createHash } from 'node:crypto'
import pg from 'pg'
import { type Asked, Connection } from '../database/connection.js'
import type { Database, QueryableDatabase } from '../database/database.js'
import { DatabaseAwayError, type Landed, orAway } from '../database/database-error.js'
import { type ChangeRecord, fromChangeRow } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import { Snapshot, type SnapshotPosition } from '../state/snapshot.js'
import type { JsonObject } from '../values/json.js'
import { type AnswerKey, type CommitBatch, commitStatement, type IdempotencyRow, keyColumn, quote, TURN_LOCK } from './commit-statement.js'

/** What happened after a revision, with the rows as they are at `head`. */
export interface CatchUp {
  readonly head: SnapshotPosition
  readonly changes: readonly ChangeRecord[]
  readonly records: readonly { collection: AnyCollection; key: string; record: object | undefined }[]
}

/** Where a state stands, and how many changes more it may be brought up with one by one. */
export interface Following {
  readonly position: SnapshotPosition
  readonly limit: number
}

/** A turn of this process: nobody else commits until it has ended. */
export interface Turn {
  /** As {@link Store.loadSince} finds it. */
  readonly news: CatchUp | undefined
  /** Kept first answers among `keys` that have not expired at `now`. */
  findAnswers(keys: readonly AnswerKey[], now: Date): Promise<IdempotencyRow[]>
  /** Writes a batch and ends the turn; false, with nothing written, when the database does not stand at `batch.base`. */
  write(batch: CommitBatch): Promise<boolean>
}

/** PostgreSQL documentation, appendix A; and the constraint of it that a commit runs into whose idempotency key was used meanwhile. */
const UNIQUE_VIOLATION = '23505'
const ANSWERS_KEY = 'idempotency_records_pkey'
/** The server took everything back because of others: serialization_failure, deadlock_detected, lock_not_available. */
const LOST_RACES: ReadonlySet<string> = new Set(['40001', '40P01', '55P03'])
/** Loading a big state takes longer than a request may: these replace the pool's own limits inside of a load. */
const LOAD_TIMEOUT_MS = 120_000
/** How long a server may say nothing before another connection is tried; milliseconds. */
const QUIET_MS = 2_000
/** The same for a load of the whole state, which may sort a big table before the first row comes; milliseconds. */
const QUIET_LOADING_MS = 10_000
/** The same for who waits for a turn, which may be another's for a while; milliseconds. */
const QUIET_IN_LINE_MS = 3_000
/** A write is confirmed after others' writes and the disk: it is given more, but not without end; milliseconds. */
const LONGEST_WRITE_MS = 6_000

/** Begins a transaction in which everything is read as it is now, however long that takes; three statements. */
const BEGIN_READING = [
  'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  `SET LOCAL statement_timeout = ${LOAD_TIMEOUT_MS}`,
  `SET LOCAL idle_in_transaction_session_timeout = ${LOAD_TIMEOUT_MS}`,
]
/** Begins a transaction once it is this replica's turn. The row is for processes of older builds, which know no turns; three statements. */
const BEGIN_TURN = ['BEGIN', `SELECT pg_advisory_xact_lock(${TURN_LOCK})`, 'SELECT FROM ledger_head WHERE id = 1 FOR UPDATE']
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

/** The ledger's SQL: how batches are written and how state is read back. */
export class Store {
  readonly #database: Database
  readonly #collections: ReadonlyMap<string, AnyCollection>
  readonly #writeMs: number

  /** `writeTimeoutMs` is how long callers wait for a write. */
  constructor(database: Database, collections: readonly AnyCollection[], writeTimeoutMs = QUIET_MS) {
    this.#database = database
    this.#collections = new Map(collections.map((collection) => [collection.name, collection]))
    this.#writeMs = Math.min(Math.max(writeTimeoutMs, QUIET_MS), LONGEST_WRITE_MS)
  }

  /** Where the database stands. */
  async readHead(): Promise<SnapshotPosition> {
    return this.#read(async (connection) => head(await connection.query({ text: HEAD_QUERY, ...this.#within(QUIET_MS) })))
  }

  /** The whole state, read in one transaction. */
  async loadAll(): Promise<Snapshot> {
    const asked = this.#flowing(QUIET_LOADING_MS)
    return orAway('nothing', () =>
      Connection.use(this.#database.ledgerPool, async (connection) => {
        const found = await connection.queryAll([...BEGIN_READING, HEAD_QUERY], asked)
        const snapshot = Snapshot.empty([...this.#collections.values()], head(found[BEGIN_READING.length]))
        for (const collection of this.#collections.values()) {
          const table = snapshot.table(collection.name)
          const text = `SELECT to_json(t) AS row FROM ${quote(collection.table)} t ORDER BY t.${keyColumn(collection)}`
          for (const { row } of (await connection.query<{ row: JsonObject }>({ ...asked, text })).rows) {
            const record = collection.fromRow(row)
            table.set(collection.keyOf(record), record)
          }
        }
        await connection.query({ text: 'COMMIT' })
        return snapshot
      }),
    )
  }

  /**
   * What came after a position. `undefined` when it cannot be told step by step: too much has happened (more than `limit`
   * changes), or the log does not lead through it (the database was restored from a backup, and maybe written to since; or
   * the log was shortened); the whole state has to be loaded then.
   */
  async loadSince(following: Following): Promise<CatchUp | undefined> {
    return this.#read(async (connection) => {
      const found = await connection.queryAll([...BEGIN_READING, ...newsQueries(following)], this.#flowing(QUIET_MS))
      const news = await this.#newsOf(connection, following, found.slice(BEGIN_READING.length))
      await connection.query({ text: 'COMMIT', ...this.#within(QUIET_MS) })
      return news
    })
  }

  /**
   * Writes a batch if the database still stands at `batch.base` and no other replica's turn has come, in one statement and so in
   * one transaction. Returns false, with nothing written, when another process was first: with a commit, with a place in the
   * line, or with one of the batch's idempotency keys.
   */
  async write(batch: CommitBatch): Promise<boolean> {
    const { text, values } = await commitStatement(batch, { isYielding: this.#database.isShared })
    const asked = { text, values, ...this.#prepared(text), ...this.#within(this.#writeMs) }
    let landed: Landed = 'nothing'
    return orLost(() =>
      orAway(
        () => landed,
        () =>
          Connection.use(this.#database.ledgerPool, async (connection) => {
            landed = 'unknown'
            return (await connection.query(asked)).rowCount === 1
          }),
      ),
    )
  }

  /**
   * Waits until this replica is served, in the order in which replicas ask, and does `work` while nobody else can commit. Hands on
   * what it says; false when the turn did not come in time, or when the server took it back because of others.
   */
  async inTurn(following: Following, work: (turn: Turn) => Promise<boolean>): Promise<boolean> {
    let [landed, isServed]: [Landed, boolean] = ['nothing', false]
    const take = (): Promise<boolean> =>
      Connection.use(this.#database.ledgerPool, async (connection) => {
        const found = await connection.queryAll([...BEGIN_TURN, ...newsQueries(following)], this.#flowing(QUIET_IN_LINE_MS))
        const news = await this.#newsOf(connection, following, found.slice(BEGIN_TURN.length))
        isServed = true
        const result = await work({
          news,
          findAnswers: (keys, now) =>
            findAnswers((text, values = []) => connection.query({ text, values: [...values], ...this.#within(QUIET_MS) }), keys, now),
          write: async (batch) => {
            const asked = { ...(await commitStatement(batch, { isYielding: false })), ...this.#within(this.#writeMs) }
            if ((await connection.query(asked)).rowCount !== 1) return false
            landed = 'unknown'
            await connection.query({ text: 'COMMIT', ...this.#within(this.#writeMs) })
            return true
          },
        })
        if (landed === 'nothing') await connection.query({ text: 'ROLLBACK', ...this.#within(QUIET_MS) })
        return result
      })
    const isWorthAnother = (): boolean => !isServed
    return orLost(() =>
      orAway(
        () => landed,
        () => onAnother(take, isWorthAnother),
      ),
    )
  }

  /** Kept first answers among `keys` that have not expired at `now`. */
  async findAnswers(keys: readonly AnswerKey[], now: Date): Promise<IdempotencyRow[]> {
    return this.#read((connection) =>
      findAnswers((text, values = []) => connection.query({ text, values: [...values], ...this.#within(QUIET_MS) }), keys, now),
    )
  }

  /**
   * A name under which the embedded database keeps the plan of a statement: a third of a commit's cost there. Not on a
   * server, since a pooler between may hand the next transaction to a session that has never heard of it.
   */
  #prepared(text: string): { name?: string } {
    return this.#database.isShared ? {} : { name: createHash('sha256').update(text).digest('hex').slice(0, 40) }
  }

  /** How long a server may be silent; the embedded database is no server, and works in this very thread. */
  #within(quietMs: number): Pick<Asked, 'quietMs'> {
    return this.#database.isShared ? { quietMs } : {}
  }

  /** The same for what may take longer, as long as it keeps coming. */
  #flowing(quietMs: number): Pick<Asked, 'quietMs' | 'query_timeout'> {
    return { ...this.#within(quietMs), query_timeout: LOAD_TIMEOUT_MS }
  }

  /** Reads, and once more on another connection where one was lost. */
  async #read<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return orAway('nothing', () =>
      onAnother(
        () => Connection.use(this.#database.ledgerPool, work),
        () => true,
      ),
    )
  }

  /** What the answers to {@link newsQueries} come to. */
  async #newsOf(connection: Connection, { position, limit }: Following, found: readonly pg.QueryResult[]): Promise<CatchUp | undefined> {
    const now = head(found[0])
    const digest: unknown = found[1]?.rows[0]?.digest
    const rows: readonly { row: JsonObject }[] = found[2]?.rows ?? []
    if (now.revision === position.revision && now.digest === position.digest) return { head: now, changes: [], records: [] }
    // Nothing comes before revision 0.
    if (now.revision <= position.revision || (position.revision > 0 && digest !== position.digest)) return undefined
    if (rows.length > limit || rows.length === 0 || rows[0]?.row['revision'] !== position.revision + 1) return undefined
    const changes = rows.map(({ row }) => fromChangeRow(row))
    return { head: now, changes, records: await this.#readTouched(connection, changes) }
  }

  async #readTouched(connection: Connection, changes: readonly ChangeRecord[]): Promise<CatchUp['records']> {
    const keys = new Map<AnyCollection, Set<string>>()
    const records: { collection: AnyCollection; key: string; record: object | undefined }[] = []
    for (const { targetType, targetKey: key, after } of changes) {
      const collection = this.#collections.get(targetType)
      // A newer build may log records that this one does not know; they are not part of this process's state.
      if (!collection) continue
      if (after === null) records.push({ collection, key, record: undefined })
      else if (collection.isWhole(after)) records.push({ collection, key, record: collection.fromImage(after) })
      // Rows are read behind all of this, as they are by now: what a change left of a record with secrets is not in its image.
      else keys.set(collection, (keys.get(collection) ?? new Set()).add(key))
    }
    for (const [collection, touched] of keys) {
      const text = `SELECT to_json(t) AS row FROM ${quote(collection.table)} t WHERE t.${keyColumn(collection)} = ANY($1)`
      const { rows } = await connection.query<{ row: JsonObject }>({ text, values: [[...touched]], ...this.#flowing(QUIET_MS) })
      const found = new Map(rows.map(({ row }) => collection.fromRow(row)).map((record) => [collection.keyOf(record), record]))
      for (const key of touched) records.push({ collection, key, record: found.get(key) })
    }
    return records
  }
}

/** What has to be asked for to follow from a position: where the head is, whether the log leads through the position, what came after it. */
function newsQueries({ position: { revision }, limit }: Following): string[] {
  return [
    HEAD_QUERY,
    `SELECT ${digestAt(String(revision))} AS digest`,
    `SELECT to_json(c) AS row FROM changes c WHERE c.revision > ${revision} ORDER BY c.revision, c.ordinal LIMIT ${limit + 1}`,
  ]
}

/** False for a write that the server took back because of others. */
async function orLost(write: () => Promise<boolean>): Promise<boolean> {
  try {
    return await write()
  } catch (error) {
    const refusal = error instanceof DatabaseAwayError ? error.cause : error
    if (!(refusal instanceof pg.DatabaseError)) throw error
    if (refusal.code === UNIQUE_VIOLATION && refusal.constraint === ANSWERS_KEY) return false
    if (LOST_RACES.has(refusal.code ?? '')) return false
    throw error
  }
}

/** Does work once more where a connection was lost in it, and no server has said why. */
async function onAnother<T>(work: () => Promise<T>, isWorthAnother: () => boolean): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof pg.DatabaseError || !isWorthAnother()) throw error
    return work()
  }
}

function head(result: pg.QueryResult | undefined): SnapshotPosition {
  const row: SnapshotPosition | undefined = result?.rows[0]
  if (!row) throw new Error('ledger_head has no row; restore it, or start with an empty database')
  return { revision: row.revision, digest: row.digest }
}
