import type { ActorRef } from '../../../core/contract/caller.js'
import {
  defineCollection,
  editFields,
  integer,
  json,
  nullable,
  type ReadableState,
  type RecordOf,
  text,
  timestamp,
} from '../../../core/state/collection.js'
import type { JsonObject } from '../../../core/values/json.js'

/** To put revisions back; each kind of object needs its own permission as well. */
export const OPERATIONS_REVERT = 'operations:revert'

const fields = {
  id: text(),
  /** That it was committed as. */
  revision: integer(),
  /** All but PROVING are final. UNPROVED: in force, its smoke test failed, and it cannot be put back. */
  status: text<'PROVING' | 'HELD' | 'REVERTED' | 'UNPROVED'>(),
  /** The process that proves it, or has. */
  instanceId: text(),
  /** Until then no other process proves it. */
  leaseUntil: timestamp(),
  /** The finished run; null before, and when it could not be run. */
  smokeTestRun: nullable(json<JsonObject>()),
  /** Why it is UNPROVED, and what to do. */
  message: nullable(text()),
  /** That has put it back. */
  revertRevision: nullable(integer()),
  /** Who has asked for it. */
  actor: json<ActorRef>(),
  ...editFields,
}

/** An operation that is committed, and what its smoke test came to. */
export type GuardedOperationRecord = RecordOf<typeof fields>

/** The operations that are being proved, and those whose idempotency key may still be used. */
export const guardedOperationCollection = defineCollection<GuardedOperationRecord>({
  name: 'GuardedOperation',
  table: 'guarded_operations',
  key: 'id',
  id: 'id',
  version: 'version',
  isBookkeeping: true,
  writePermission: OPERATIONS_REVERT,
  indexes: { revision: ({ revision }) => [String(revision)] },
  fields,
})

/** The guarded operation that was committed as this revision. */
export function guardedOperationOf(state: ReadableState, revision: number): GuardedOperationRecord | undefined {
  return state.view(guardedOperationCollection).find('revision', String(revision))
}
