import pg from 'pg'
import type { ActorRef } from '../contract/caller.js'
import type { QueryableDatabase } from '../database/database.js'
import type { Clock } from '../platform/clock.js'
import { newId } from '../platform/ids.js'
import type { Log } from '../platform/log.js'
import { scrubSecrets } from '../platform/scrub.js'
import { ipSubject } from '../values/ip-subject.js'
import type { Json, JsonObject } from '../values/json.js'
import { BackgroundTask } from './background-task.js'

/** How what was tried ended. */
export type AuditOutcome = 'SUCCEEDED' | 'DENIED' | 'FAILED'

/** Something that was tried and leaves no change: a denied or failed call, a failed authentication, a look at what is sensitive. */
export interface AuditEntry {
  /** The root field; where there is none, a word for what was tried, such as `authenticate`. From a closed set, never a client's text. */
  readonly operation: string
  readonly outcome: AuditOutcome
  /** The code of the error, or of the answer. */
  readonly code?: string | null
  /** Left out for who has shown no key that works. */
  readonly caller?: ActorRef | undefined
  readonly remoteAddress?: string | undefined
  /** More for people. Of equal events the newest one's is kept. */
  readonly detail?: JsonObject
}

/** Whoever keeps audit events. */
export interface AuditSink {
  /** Notes an event. Never throws, never waits. */
  record(entry: AuditEntry): void
}

/** Equal events within this time are one row. */
const GROUP_MS = 60_000
/** How often rows are written, in milliseconds. */
const FLUSH_EVERY_MS = 5_000
/** Most groups in memory that tell who it was; beyond it events are kept without actor and address. */
const MAX_GROUPS = 5_000
/** Most groups that do not; beyond it events are only counted. */
const MAX_COARSE_GROUPS = 500
/** The class of SQLSTATEs that blame a value. */
const DATA_EXCEPTION = '22'
/** A longer detail is left out; characters of JSON. */
const MAX_DETAIL_LENGTH = 1_000

/** Equal events, on their way to one row. */
interface Group {
  readonly id: string
  readonly entry: AuditEntry
  readonly firstAt: Date
  lastAt: Date
  remoteAddress: string | null
  detail: JsonObject
  count: number
  /** How many of them the database has. */
  writtenCount: number
}

/**
 * Gathers audit events in memory and writes them in batches, off the request path and outside of the ledger: whoever is
 * refused must not be able to make the control plane write a row each time. Events are equal when caller (or, without one,
 * network), operation, outcome and code are; those of one minute are one row, whose detail tells `count`, `firstAt` and
 * `lastAt`. Memory is bounded whatever comes: what cannot be told apart any more is still counted.
 */
export class AuditTrail implements AuditSink {
  readonly #database: QueryableDatabase
  readonly #clock: Clock
  readonly #log: Log
  readonly #groups = new Map<string, Group>()
  readonly #coarseGroups = new Map<string, Group>()
  readonly #task: BackgroundTask
  #droppedCount = 0

  constructor(options: { database: QueryableDatabase; clock: Clock; log: Log }) {
    this.#database = options.database
    this.#clock = options.clock
    this.#log = options.log
    this.#task = new BackgroundTask({ name: 'writing audit events', everyMs: FLUSH_EVERY_MS, log: options.log, work: () => this.#write() })
  }

  /** Groups that are held in memory. */
  get size(): number {
    return this.#groups.size + this.#coarseGroups.size
  }

  record(entry: AuditEntry): void {
    try {
      const now = this.#clock.now()
      const group = this.#groupOf(entry, now)
      if (!group) {
        this.#droppedCount += 1
        return
      }
      group.count += 1
      group.lastAt = now
      if (group.remoteAddress !== null && entry.remoteAddress) group.remoteAddress = entry.remoteAddress
      if (entry.detail && JSON.stringify(entry.detail).length <= MAX_DETAIL_LENGTH) group.detail = { ...group.detail, ...entry.detail }
    } catch (error) {
      this.#log.error({ err: error, operation: entry.operation }, 'an audit event was not noted')
    }
  }

  /** Goes on flushing until closed. */
  open(): void {
    this.#task.open()
  }

  /** Writes what was noted before this call; what cannot be written stays for the next try. Never throws. */
  flush(): Promise<void> {
    return this.#task.run()
  }

  /** Flushes for the last time. */
  async close(): Promise<void> {
    await this.#task.close()
    const lost = this.#unwritten().reduce((sum, { count, writtenCount }) => sum + count - writtenCount, 0)
    if (lost > 0) this.#log.error({ lost }, 'audit events are lost: the database took none of them before the end')
  }

  #groupOf(entry: AuditEntry, now: Date): Group | undefined {
    const { operation, outcome, code = null, caller, remoteAddress } = entry
    const minute = Math.floor(now.getTime() / GROUP_MS)
    // Of IPv6 the network: its owner chooses the rest, and would be somebody new each time.
    const who = caller ? [caller.id, null] : [null, ipSubject(remoteAddress ?? '') ?? null]
    const key = JSON.stringify([minute, ...who, operation, outcome, code])
    const group = this.#groups.get(key)
    if (group) return group
    if (this.#groups.size < MAX_GROUPS) return addTo(this.#groups, key, { entry, now })
    const coarseKey = JSON.stringify([operation, outcome, code])
    const coarse = this.#coarseGroups.get(coarseKey)
    if (coarse || this.#coarseGroups.size >= MAX_COARSE_GROUPS) return coarse
    return addTo(this.#coarseGroups, coarseKey, { entry: { operation, outcome, code }, now, detail: { isOfMany: true } })
  }

  #unwritten(): Group[] {
    return [...this.#groups.values(), ...this.#coarseGroups.values()].filter(({ count, writtenCount }) => count > writtenCount)
  }

  async #write(): Promise<void> {
    const groups = this.#unwritten().map((group) => ({ group, count: group.count }))
    if (groups.length > 0) {
      await this.#database.assertWritable()
      await this.#save(groups.map(({ group }) => group))
    }
    for (const { group, count } of groups) group.writtenCount = count
    this.#forgetFinished()
    if (this.#droppedCount > 0) this.#log.warn({ dropped: this.#droppedCount }, 'audit events were only counted: too many kinds at once')
    this.#droppedCount = 0
  }

  /** Of rows whose values the database refuses, each is written without its detail; the others never notice. */
  async #save(groups: readonly Group[]): Promise<void> {
    try {
      await this.#database.ask(UPSERT, [scrubSecrets(JSON.stringify(groups.map(toRow)))])
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code?.startsWith(DATA_EXCEPTION))) throw error
      const half = Math.floor(groups.length / 2)
      const [group] = groups
      if (half > 0) {
        await this.#save(groups.slice(0, half))
        await this.#save(groups.slice(half))
      } else if (group && Object.keys(group.detail).length > 0) {
        group.detail = {}
        await this.#save([group])
      } else
        this.#log.error({ err: error, operation: group?.entry.operation }, 'audit events are lost: the database refuses what they hold')
    }
  }

  /** Lets go of groups that nothing can be added to any more. */
  #forgetFinished(): void {
    const minute = Math.floor(this.#clock.now().getTime() / GROUP_MS)
    for (const groups of [this.#groups, this.#coarseGroups]) {
      for (const [key, { firstAt, count, writtenCount }] of groups) {
        if (count === writtenCount && Math.floor(firstAt.getTime() / GROUP_MS) < minute) groups.delete(key)
      }
    }
  }
}

const UPSERT = `INSERT INTO audit_events
    (id, at, operation, outcome, code, actor_id, actor_name, actor_client_type, remote_address, detail)
  SELECT r.id, r.at, r.operation, r.outcome, r.code, r.actor_id, r.actor_name, r.actor_client_type, r.remote_address, r.detail
  FROM json_populate_recordset(NULL::audit_events, $1::json) r
  ON CONFLICT (id) DO UPDATE SET remote_address = excluded.remote_address, detail = excluded.detail`

function addTo(groups: Map<string, Group>, key: string, of: { entry: AuditEntry; now: Date; detail?: JsonObject }): Group {
  const { entry, now, detail = {} } = of
  const group = {
    id: newId(),
    entry,
    firstAt: now,
    lastAt: now,
    remoteAddress: entry.remoteAddress || null,
    detail,
    count: 0,
    writtenCount: 0,
  }
  groups.set(key, group)
  return group
}

function toRow({ id, entry, firstAt, lastAt, remoteAddress, detail, count }: Group): Json {
  const { operation, outcome, code = null, caller } = entry
  return {
    id,
    at: firstAt.toISOString(),
    operation,
    outcome,
    code,
    actor_id: caller?.id ?? null,
    actor_name: caller?.name ?? null,
    actor_client_type: caller?.clientType ?? null,
    remote_address: remoteAddress,
    detail: { ...detail, count, firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() },
  }
}
