import { AppError } from '../contract/errors.js'
import type { QueryableDatabase } from '../database/database.js'
import { GENESIS_DIGEST, linkOf, sealOf } from '../ledger/digest.js'
import type { Json, JsonObject } from '../values/json.js'

/** An event as it is stored, but for its place in the chain. Keyed by column, times as ISO 8601. */
export interface AuditRow {
  readonly id: string
  readonly at: string
  readonly operation: string
  readonly outcome: string
  readonly code: string | null
  readonly actor_id: string | null
  readonly actor_name: string | null
  readonly actor_client_type: string | null
  readonly remote_address: string | null
  readonly detail: JsonObject | null
}

/** Where the chain of events begins and ends, as its one row has it. */
export interface AuditHead {
  readonly seq: number
  readonly digest: string
  readonly start_seq: number
  readonly start_digest: string
  /** Epoch milliseconds, so that it is the same wherever it is read. */
  readonly chained_from: number
  readonly seal: string | null
}

/** The columns of an event, in the order in which they are written. */
export const AUDIT_COLUMNS = [
  ...['id', 'at', 'operation', 'outcome', 'code', 'actor_id', 'actor_name', 'actor_client_type', 'remote_address', 'detail'],
  ...['seq', 'digest'],
] as const

/** What a chain that was cut is sealed with from then on: no append may make it look whole again. */
const BROKEN_SEAL = 'broken'
/** Tries of one append or shortening before other replicas are declared too busy. */
const MAX_ATTEMPTS = 50
/** Events that one statement takes away, so that none of them is long. */
const EVENTS_AT_ONCE = 5_000

/** SQL of {@link AuditHead}; the time as a number, which every driver reads the same. */
export const HEAD_COLUMNS =
  'h.seq, h.digest, h.start_seq, h.start_digest, (extract(epoch FROM h.chained_from) * 1000)::float8 AS chained_from, h.seal'

/** The digest of an event at `seq`: HMAC-SHA-256 over the digest before it and all that its row holds. */
export function eventDigest(key: string, previous: string, { seq, row }: { readonly seq: number; readonly row: AuditRow }): string {
  const { id, at, operation, outcome, code, actor_id, actor_name, actor_client_type, remote_address, detail } = row
  return linkOf(key, previous, [seq, id, at, operation, outcome, code, actor_id, actor_name, actor_client_type, remote_address, detail])
}

/** Whether the head is what somebody with the key has written. */
export function isHeadSealed(key: string, head: AuditHead): boolean {
  return head.seal === headSeal(key, head)
}

function headSeal(key: string, { seq, digest, start_seq, start_digest, chained_from }: Omit<AuditHead, 'seal'>): string {
  return sealOf(key, 'audit events', [seq, digest, start_seq, start_digest, chained_from])
}

/**
 * The chain of audit events: one for all replicas, in the order in which they write. An append and a shortening move the one head
 * row from where they found it, or not at all.
 */
export class AuditChain {
  readonly #database: QueryableDatabase
  readonly #key: string
  #head: AuditHead | undefined

  /** `auditKey` keys digests and seals. */
  constructor(database: QueryableDatabase, auditKey: string | undefined) {
    this.#database = database
    this.#key = auditKey ?? ''
  }

  /** Seals the chain of a database in which nobody has written with seals yet. Anything else without a seal was cut. */
  async open(): Promise<void> {
    const head = await this.#read()
    if (head.seal !== null || head.seq !== 0 || head.digest !== GENESIS_DIGEST) return
    await this.#database.ask(
      `UPDATE audit_head SET seal = $1 WHERE id = 1 AND seal IS NULL AND seq = 0
        AND NOT EXISTS (SELECT FROM audit_events WHERE seq IS NOT NULL)
        AND NOT EXISTS (SELECT FROM (SELECT c.seal FROM changes c ORDER BY c.revision DESC, c.ordinal DESC LIMIT 1) newest WHERE newest.seal IS NOT NULL)`,
      [headSeal(this.#key, head)],
    )
    this.#head = undefined
  }

  /** Writes events behind the newest one. Throws what the database says; then none of them, or (where it did not answer) all may be there. */
  async append(rows: readonly AuditRow[]): Promise<void> {
    await this.#moving(async (base) => {
      let { seq, digest } = base
      const linked = rows.map((row) => {
        seq += 1
        digest = eventDigest(this.#key, digest, { seq, row })
        return { ...row, seq, digest }
      })
      const next = this.#sealed(base, { seq, digest })
      const names = AUDIT_COLUMNS.join(', ')
      const text = `WITH head AS (UPDATE audit_head SET seq = $4, digest = $5, seal = $6 WHERE ${AT_BASE} RETURNING seq)
        INSERT INTO audit_events (${names}) SELECT ${AUDIT_COLUMNS.map((name) => `r.${name}`).join(', ')}
        FROM head, json_populate_recordset(NULL::audit_events, $7::json) r`
      const values = [...baseOf(base), next.seq, next.digest, next.seal, JSON.stringify(linked satisfies readonly Json[])]
      const { rowCount } = await this.#database.ask(text, values)
      return rowCount === rows.length ? next : undefined
    })
  }

  /** The events among `ids` that are there. */
  async find(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.#database.ask<{ id: string }>('SELECT id FROM audit_events WHERE id = ANY($1)', [[...ids]])
    return new Set(rows.map(({ id }) => id))
  }

  /**
   * Takes away a portion of what is older than `before`, from the beginning of the chain; the digest of the last event that went
   * stays as what the rest is verified from. How many went; 0 when there is nothing more.
   */
  async shorten(before: Date): Promise<number> {
    const old = `DELETE FROM audit_events WHERE ctid = ANY (ARRAY(SELECT ctid FROM audit_events WHERE seq IS NULL AND at < $1 LIMIT ${EVENTS_AT_ONCE})) AND seq IS NULL AND at < $1`
    let gone = (await this.#database.ask(old, [before])).rowCount ?? 0
    await this.#moving(async (base) => {
      const text = `SELECT e.seq, e.digest FROM audit_events e WHERE e.seq = least($1 + ${EVENTS_AT_ONCE}, $2,
        coalesce((SELECT min(y.seq) FROM audit_events y WHERE y.at >= $3), $2 + 1) - 1) AND e.seq > $1`
      const [last] = (await this.#database.ask<{ seq: number; digest: string }>(text, [base.start_seq, base.seq, before])).rows
      if (!last) return base
      const next = this.#sealed(base, { start_seq: last.seq, start_digest: last.digest })
      const taking = `WITH head AS (UPDATE audit_head SET start_seq = $4, start_digest = $5, seal = $6 WHERE ${AT_BASE} RETURNING start_seq),
        taken AS (DELETE FROM audit_events e USING head WHERE e.seq <= head.start_seq RETURNING 1)
        SELECT (SELECT count(*)::int FROM taken) AS taken FROM head`
      const [moved] = (await this.#database.ask<{ taken: number }>(taking, [...baseOf(base), next.start_seq, next.start_digest, next.seal]))
        .rows
      gone += moved?.taken ?? 0
      return moved && next
    })
    return gone
  }

  /** `move` says where the head is then; undefined when it was not where it was thought to be. */
  async #moving(move: (base: AuditHead) => Promise<AuditHead | undefined>): Promise<void> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const base = this.#head ?? (await this.#read())
      // Whatever comes of it: where it fails, nobody knows where the head is.
      this.#head = undefined
      this.#head = await move(base)
      if (this.#head) return
    }
    throw new AppError('UNAVAILABLE', 'Other replicas are writing audit events too fast. Try again.', { retryAfterSeconds: 1 })
  }

  #sealed(base: AuditHead, moved: Partial<AuditHead>): AuditHead {
    const next = { ...base, ...moved }
    return { ...next, seal: isHeadSealed(this.#key, base) ? headSeal(this.#key, next) : BROKEN_SEAL }
  }

  async #read(): Promise<AuditHead> {
    const [head] = (await this.#database.ask<AuditHead>(`SELECT ${HEAD_COLUMNS} FROM audit_head h WHERE h.id = 1`)).rows
    if (!head) throw new Error('audit_head has no row; restore it from a backup')
    return head
  }
}

const AT_BASE = 'id = 1 AND seq = $1 AND digest = $2 AND start_seq = $3'
const baseOf = ({ seq, digest, start_seq }: AuditHead): [number, string, number] => [seq, digest, start_seq]
