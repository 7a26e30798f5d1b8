import type { ActorRef } from '../contract/caller.js'
import type { JsonObject } from '../values/json.js'

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

/** A change row as JSON, keyed by column. */
export interface ChangeRow {
  readonly revision: number
  readonly ordinal: number
  readonly pack: string
  readonly target_type: string
  readonly target_id: string
  readonly target_key: string
  readonly action: string
  readonly before: JsonObject | null
  readonly after: JsonObject | null
  readonly operation: string
  readonly reason: string | null
  readonly actor_id: string
  readonly actor_name: string
  readonly actor_client_type: string | null
  readonly correlation_id: string
  readonly at: string
  readonly is_revertible: boolean
  readonly digest: string
}

/** The row of a change. */
export function toChangeRow(change: ChangeRecord): ChangeRow {
  return {
    revision: change.revision,
    ordinal: change.ordinal,
    pack: change.pack,
    target_type: change.targetType,
    target_id: change.targetId,
    target_key: change.targetKey,
    action: change.action,
    before: change.before,
    after: change.after,
    operation: change.operation,
    reason: change.reason,
    actor_id: change.actor.id,
    actor_name: change.actor.name,
    actor_client_type: change.actor.clientType,
    correlation_id: change.correlationId,
    at: change.at.toISOString(),
    is_revertible: change.isRevertible,
    digest: change.digest,
  }
}

/** The change of a row. */
export function fromChangeRow(row: ChangeRow): ChangeRecord {
  return {
    id: `${row.revision}.${row.ordinal}`,
    revision: row.revision,
    ordinal: row.ordinal,
    pack: row.pack,
    targetType: row.target_type,
    targetId: row.target_id,
    targetKey: row.target_key,
    action: row.action as ChangeAction,
    before: row.before,
    after: row.after,
    operation: row.operation,
    reason: row.reason,
    actor: { id: row.actor_id, name: row.actor_name, clientType: row.actor_client_type as ActorRef['clientType'] },
    correlationId: row.correlation_id,
    at: new Date(row.at),
    isRevertible: row.is_revertible,
    digest: row.digest,
  }
}
