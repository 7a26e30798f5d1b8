import type { ActorRef } from '../contract/caller.js'
import type { JsonObject } from '../values/json.js'
import { boolean, integer, json, nullable, text, timestamp } from './collection.js'
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
  /** The revision that this one has put back, or a part of it; null in changes of builds that did not note it. */
  readonly revertOf: number | null
  /** Over the secrets of the record that the change left, which are not in `after`; null in changes of builds that made none. */
  readonly seal: string | null
  /** HMAC-SHA-256 over the digest before it and this change, in hex. */
  readonly digest: string
}

/** What a record was before a change and after it. */
export type ChangeImages = Pick<ChangeRecord, 'before' | 'after'>

/** A change as lists give it: its images are many times as large as the rest, and may be left in the log until they are asked for. */
export type ChangeEntry = Omit<ChangeRecord, keyof ChangeImages> & Partial<ChangeImages>

/** The record that changes are of. */
export type ChangeTarget = Pick<ChangeRecord, 'targetType' | 'targetKey'>

/** One text for a record. */
export function markOf({ targetType, targetKey }: ChangeTarget): string {
  return `${targetType}\u0000${targetKey}`
}

/** A change without what is flat in its row. */
export type PlainChange = Omit<ChangeRecord, 'id' | 'actor'>

const entryFields = {
  revision: integer(),
  ordinal: integer(),
  pack: text(),
  targetType: text(),
  targetId: text(),
  targetKey: text(),
  action: text(),
  operation: text(),
  reason: text(),
  correlationId: text(),
  at: timestamp(),
  isRevertible: boolean(),
  revertOf: nullable(integer()),
  seal: nullable(text()),
  digest: text(),
}
const entries = rowCodec<Omit<PlainChange, keyof ChangeImages>>(entryFields)
const rows = rowCodec<PlainChange>({ ...entryFields, before: json(), after: json() })

const ACTOR_COLUMNS = ['actor_id', 'actor_name', 'actor_client_type']

/** The columns of a change's row. */
export const CHANGE_COLUMNS: readonly string[] = [...rows.columns, ...ACTOR_COLUMNS]
/** The columns of a change without its images. */
export const ENTRY_COLUMNS: readonly string[] = [...entries.columns, ...ACTOR_COLUMNS]

/** The row of a change as JSON, keyed by column. */
export function toChangeRow(change: ChangeRecord): JsonObject {
  const { id, name, clientType } = change.actor
  return Object.assign(rows.toRow(change), { actor_id: id, actor_name: name, actor_client_type: clientType })
}

/** The change of a row. Columns that a newer build has added are left out. */
export function fromChangeRow(row: JsonObject): ChangeRecord {
  return madeBy(actorOf(row), rows.fromRow(row))
}

/** The change of a row that was read without its images. */
export function fromEntryRow(row: JsonObject): ChangeEntry {
  return madeBy(actorOf(row), entries.fromRow(row))
}

function actorOf(row: JsonObject): ActorRef {
  return { id: row['actor_id'], name: row['actor_name'], clientType: row['actor_client_type'] } as ActorRef
}

/** The change that somebody has made. */
export function madeBy<C extends Pick<PlainChange, 'revision' | 'ordinal'>>(
  actor: ActorRef,
  change: C,
): C & Pick<ChangeRecord, 'id' | 'actor'> {
  return { ...change, id: `${change.revision}.${change.ordinal}`, actor }
}
