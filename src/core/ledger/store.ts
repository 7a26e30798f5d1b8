import { createHash } from 'node:crypto'
import pg from 'pg'
import { type Asked, Connection } from '../database/connection.js'
import type { Database, QueryableDatabase } from '../database/database.js'
import { DatabaseAwayError, type Landed, orAway } from '../database/database-error.js'
import { mapInSlices } from '../platform/slices.js'
import { type ChangeRecord, fromChangeRow } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import { Snapshot, type SnapshotPosition } from '../state/snapshot.js'
import type { JsonObject } from '../values/json.js'
import {
  type AnswerKey,
  type CommitBatch,
  commitStatement,
  type IdempotencyRow,
  keyColumn,
  piecesOf,
  quote,
  TURN_LOCK,
} from './commit-statement.js'

/** What became of a record; undefined where it is gone. */
interface TouchedRecord {
  readonly collection: AnyCollection
  readonly key: string
  readonly record: object | undefined
}

/** What happened after a revision, with the records as they are at `head`. */
export interface CatchUp {
  readonly head: SnapshotPosition
  readonly changes: readonly ChangeRecord[]
  readonly records: readonly TouchedRecord[]
}

/** The same, but for records (`rest`) that have to be read from their rows. */
interface PartialCatchUp extends CatchUp {
  readonly rest: readonly Omit<TouchedRecord, 'record'>[]
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
/** The session does not know a statement by its name, or knows another one by it: invalid_sql_statement_name, duplicate_prepared_statement. */
const NAME_FAULTS: ReadonlySet<string> = new Set(['26000', '42P05'])
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

/** How many records are written in one statement where that holds up this process; some milliseconds' work. */
const RECORDS_AT_ONCE = 100

/** Begins a transaction in which everything is read as it is now, however long that takes. */
const BEGIN_READING = [
  'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  `SET LOCAL statement_timeout = ${LOAD_TIMEOUT_MS}`,
  `SET LOCAL idle_in_transaction_session_timeout = ${LOAD_TIMEOUT_MS}`,
].join('; ')
/** Ends when it is this replica's turn, which lasts as long as the transaction. */
const TAKE_TURN = `SELECT pg_advisory_xact_lock(${TURN_LOCK})`
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

/**
 * What came after revision $1, at most $2 changes: a row a change, or one without; and where the head is, and the digest that the
 * log has at $1. One statement, and so of one moment.
 */
const NEWS_QUERY = `SELECT h.revision, h.digest, ${digestAt('$1')} AS known, to_json(c) AS change
  FROM ledger_head h LEFT JOIN LATERAL (SELECT * FROM changes WHERE revision > $1 ORDER BY revision, ordinal LIMIT $2) c ON true
  WHERE h.id = 1 ORDER BY c.revision, c.ordinal`

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
  /** Whether statements have names. */
  #isPreparing = true

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
        const [, found] = await connection.together([BEGIN_READING, HEAD_QUERY].map((text) => ({ ...asked, text })))
        const snapshot = Snapshot.empty([...this.#collections.values()], head(found))
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
      const news = this.#newsOf(following, await connection.query(this.#asking(following, QUIET_MS)))
      if (!news || news.rest.length === 0) return news
      // Rows have to be read, as they were at one moment with the log: so once more, in a transaction.
      const begin = { text: BEGIN_READING, ...this.#within(QUIET_MS) }
      const [, found] = await connection.together([begin, this.#asking(following, QUIET_MS)])
      const whole = await this.#withRest(connection, this.#newsOf(following, found))
      await connection.query({ text: 'COMMIT', ...this.#within(QUIET_MS) })
      return whole
    })
  }

  /**
   * Writes a batch if the database still stands at `batch.base` and no other replica's turn has come, in one transaction. Returns
   * false, with nothing written, when another process was first: with a commit, with a place in the line, or with one of the
   * batch's idempotency keys.
   */
  async write(batch: CommitBatch): Promise<boolean> {
    const { isShared } = this.#database
    // The embedded database works in this thread: between pieces, others have their turn of it.
    const pieces = isShared ? [batch] : piecesOf(batch, RECORDS_AT_ONCE)
    const statements = await mapInSlices(pieces, async (piece) =>
      this.#prepared({ ...(await commitStatement(piece, { isYielding: isShared })), ...this.#within(this.#writeMs) }),
    )
    let landed: Landed = 'nothing'
    const writeAll = async (connection: Connection): Promise<boolean> => {
      landed = 'unknown'
      for (const statement of statements) if ((await connection.query(statement)).rowCount !== 1) return false
      return true
    }
    const use = (connection: Connection): Promise<boolean> =>
      statements.length === 1 ? writeAll(connection) : connection.transact(() => writeAll(connection))
    return this.#orLost(() =>
      orAway(
        () => landed,
        () => Connection.use(this.#database.ledgerPool, use),
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
        const waiting = this.#within(QUIET_IN_LINE_MS)
        const [, , found] = await connection.together([
          { text: 'BEGIN', ...waiting },
          { text: TAKE_TURN, ...waiting },
          this.#asking(following, QUIET_IN_LINE_MS),
        ])
        isServed = true
        const news = await this.#withRest(connection, this.#newsOf(following, found))
        const result = await work({
          news,
          findAnswers: (keys, now) =>
            findAnswers((text, values = []) => connection.query({ text, values: [...values], ...this.#within(QUIET_MS) }), keys, now),
          write: async (batch) => {
            const within = this.#within(this.#writeMs)
            const statement = await commitStatement(batch, { isYielding: false })
            landed = 'unknown'
            // Where the first one writes nothing, or fails, there is nothing for the second one to commit.
            const [written] = await connection.together([this.#prepared({ ...statement, ...within }), { text: 'COMMIT', ...within }])
            return written?.rowCount === 1
          },
        })
        if (landed === 'nothing') await connection.query({ text: 'ROLLBACK', ...this.#within(QUIET_MS) })
        return result
      })
    const isWorthAnother = (error: unknown): boolean => !isServed && !(error instanceof pg.DatabaseError)
    return this.#orLost(() =>
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
   * The statement under a name by which the session keeps its plan: a third of a commit's cost. A pooler may hand the next
   * transaction to a session that has never heard of the name, or has heard it of another; then there are no more names.
   */
  #prepared(asked: Asked): Asked {
    if (!this.#isPreparing) return asked
    return { ...asked, name: createHash('sha256').update(asked.text).digest('hex').slice(0, 40) }
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
    const isWorthAnother = (error: unknown): boolean => !(error instanceof pg.DatabaseError) || this.#isNameFault(error)
    return orAway('nothing', () => onAnother(() => Connection.use(this.#database.ledgerPool, work), isWorthAnother))
  }

  /** False for a write that the server took back because of others, or did not even begin. */
  async #orLost(write: () => Promise<boolean>): Promise<boolean> {
    try {
      return await write()
    } catch (error) {
      const refusal = error instanceof DatabaseAwayError ? error.cause : error
      if (!(refusal instanceof pg.DatabaseError)) throw error
      if (refusal.code === UNIQUE_VIOLATION && refusal.constraint === ANSWERS_KEY) return false
      if (LOST_RACES.has(refusal.code ?? '') || this.#isNameFault(refusal)) return false
      throw error
    }
  }

  /** Whether a session did not know what a name stands for; no more names are given then. */
  #isNameFault({ code = '' }: pg.DatabaseError): boolean {
    if (!NAME_FAULTS.has(code)) return false
    this.#isPreparing = false
    return true
  }

  /** Asks what has happened since. */
  #asking({ position, limit }: Following, quietMs: number): Asked {
    return this.#prepared({ text: NEWS_QUERY, values: [position.revision, limit + 1], ...this.#flowing(quietMs) })
  }

  /** What the answer to {@link NEWS_QUERY} comes to, and what is not in it: records of which the log holds but a part. */
  #newsOf({ position, limit }: Following, found: pg.QueryResult | undefined): PartialCatchUp | undefined {
    const now = head(found)
    if (now.revision === position.revision && now.digest === position.digest) return { head: now, changes: [], records: [], rest: [] }
    // Nothing comes before revision 0.
    if (now.revision <= position.revision || (position.revision > 0 && found?.rows[0].known !== position.digest)) return undefined
    const rows: readonly JsonObject[] = found?.rows.flatMap(({ change }) => (change === null ? [] : [change])) ?? []
    if (rows.length > limit || rows.length === 0 || rows[0]?.['revision'] !== position.revision + 1) return undefined
    const changes = rows.map(fromChangeRow)
    const [records, rest]: [TouchedRecord[], Omit<TouchedRecord, 'record'>[]] = [[], []]
    for (const { targetType, targetKey: key, after } of changes) {
      const collection = this.#collections.get(targetType)
      // A newer build may log records that this one does not know; they are not part of this process's state.
      if (!collection) continue
      if (after === null) records.push({ collection, key, record: undefined })
      else if (collection.isWhole(after)) records.push({ collection, key, record: collection.fromImage(after) })
      else rest.push({ collection, key })
    }
    return { head: now, changes, records, rest }
  }

  /** Reads the records that are left, behind all others, as they are by now: what a change left of one with secrets is not in its image. */
  async #withRest(connection: Connection, news: PartialCatchUp | undefined): Promise<CatchUp | undefined> {
    if (!news) return undefined
    const records = [...news.records]
    for (const collection of new Set(news.rest.map((touched) => touched.collection))) {
      const touched = new Set(news.rest.filter((each) => each.collection === collection).map(({ key }) => key))
      const text = `SELECT to_json(t) AS row FROM ${quote(collection.table)} t WHERE t.${keyColumn(collection)} = ANY($1)`
      const { rows } = await connection.query<{ row: JsonObject }>({ text, values: [[...touched]], ...this.#flowing(QUIET_MS) })
      const found = new Map(rows.map(({ row }) => collection.fromRow(row)).map((record) => [collection.keyOf(record), record]))
      for (const key of touched) records.push({ collection, key, record: found.get(key) })
    }
    return { ...news, records }
  }
}

/** Does work once more where it failed by something that another connection may not run into. */
async function onAnother<T>(work: () => Promise<T>, isWorthAnother: (error: unknown) => boolean): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isWorthAnother(error)) throw error
    return work()
  }
}

function head(result: pg.QueryResult | undefined): SnapshotPosition {
  const row: SnapshotPosition | undefined = result?.rows[0]
  if (!row) throw new Error('ledger_head has no row; restore it, or start with an empty database')
  return { revision: row.revision, digest: row.digest }
}
