import type { ActorRef } from '../contract/caller.js'
import type { JsonObject } from '../values/json.js'
import { boolean, integer, json, text, timestamp } from './collection.js'
import { rowCodec } from './row-codec.js'

/** What happened to a record. */
export type ChangeAction = 'CREATE' | 'UPDATE' | 'DELETE'

/** Longest reason, in characters. */
export const MAX_REASON_LENGTH = 1_000

/** One record changed by one revision, as it stands in the log. */
export interface ChangeRecord {
  /** `<revision>.<ordinal>`. */
  readonly id: string
  readonly revision: number
  /** Position within the revision, from 0. */
  readonly ordinal: number
  readonly pack: string
  readonly targetType: string
  readonly targetId: string
  /** Primary key of the record. */
  readonly targetKey: string
  readonly action: ChangeAction
  readonly before: JsonObject | null
  readonly after: JsonObject | null
  readonly operation: string
  readonly reason: string | null
  readonly actor: ActorRef
  readonly correlationId: string
  readonly at: Date
  readonly isRevertible: boolean
  /** HMAC-SHA-256 over the digest before it and this change, in hex. */
  readonly digest: string
}

/** A change without what is flat in its row. */
export type PlainChange = Omit<ChangeRecord, 'id' | 'actor'>

const rows = rowCodec<PlainChange>({
  revision: integer(),
  ordinal: integer(),
  pack: text(),
  targetType: text(),
  targetId: text(),
  targetKey: text(),
  action: text(),
  before: json(),
  after: json(),
  operation: text(),
  reason: text(),
  correlationId: text(),
  at: timestamp(),
  isRevertible: boolean(),
  digest: text(),
})

/** The columns of a change's row. */
export const CHANGE_COLUMNS: readonly string[] = [...rows.columns, 'actor_id', 'actor_name', 'actor_client_type']

/** The row of a change as JSON, keyed by column. */
export function toChangeRow(change: ChangeRecord): JsonObject {
  const { id, name, clientType } = change.actor
  return Object.assign(rows.toRow(change), { actor_id: id, actor_name: name, actor_client_type: clientType })
}

/** The change of a row. Columns that a newer build has added are left out. */
export function fromChangeRow(row: JsonObject): ChangeRecord {
  const actor = { id: row['actor_id'], name: row['actor_name'], clientType: row['actor_client_type'] }
  return madeBy(actor as ActorRef, rows.fromRow(row))
}

/** The change that somebody has made. */
export function madeBy(actor: ActorRef, change: PlainChange): ChangeRecord {
  return { ...change, id: `${change.revision}.${change.ordinal}`, actor }
}
