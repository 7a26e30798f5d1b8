import pg from 'pg'
import type { ActorRef } from '../contract/caller.js'
import type { QueryableDatabase } from '../database/database.js'
import type { Clock } from '../platform/clock.js'
import { newId } from '../platform/ids.js'
import type { Log } from '../platform/log.js'
import { scrubSecrets } from '../platform/scrub.js'
import { ipSubject } from '../values/ip-subject.js'
import type { JsonObject } from '../values/json.js'
import { AuditChain, type AuditRow } from './audit-chain.js'
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

/** Equal events within this time are gathered: the first is written at once, those after it with the next round. */
const GROUP_MS = 60_000
/** How often the repetitions of what was written at once are written, in milliseconds. */
const FLUSH_EVERY_MS = 5_000
/** The least time from one writing at once to the next: what comes meanwhile goes together. Milliseconds. */
const URGENT_EVERY_MS = 50
/** Most groups in memory that tell who it was; beyond it events are kept without actor and address. */
const MAX_GROUPS = 5_000
/** Most groups that do not; beyond it events are only counted. */
const MAX_COARSE_GROUPS = 500
/** The class of SQLSTATEs that blame a value. */
const DATA_EXCEPTION = '22'
/** A longer detail is left out; characters of JSON. */
const MAX_DETAIL_LENGTH = 1_000

/** Equal events of one minute. */
interface Group {
  readonly entry: AuditEntry
  readonly startedAt: Date
  /** When the first one was noted that the database does not have yet. */
  firstAt: Date
  lastAt: Date
  remoteAddress: string | null
  detail: JsonObject
  count: number
  /** How many of them the database has. */
  writtenCount: number
}

/** The events of a group that were on their way when the database did not answer: it may have them. */
interface Attempt {
  readonly id: string
  readonly group: Group
  /** What the group had come to. */
  readonly count: number
}

/**
 * Gathers audit events in memory and writes them in batches, off the request path and outside of the ledger: whoever is
 * refused must not be able to make the control plane write a row each time. Events are equal when caller (or, without one,
 * network), operation, outcome and code are. The first one of a minute is written at once (with whatever comes while that is
 * under way), the repetitions with the next round; each time as one row, whose detail tells `count`, `firstAt` and `lastAt`.
 * Rows are never changed, since each is a link of a chain. Memory is bounded whatever comes: what cannot be told apart any more
 * is still counted.
 */
export class AuditTrail implements AuditSink {
  readonly #database: QueryableDatabase
  readonly #chain: AuditChain
  readonly #clock: Clock
  readonly #log: Log
  readonly #groups = new Map<string, Group>()
  readonly #coarseGroups = new Map<string, Group>()
  readonly #task: BackgroundTask
  #unsettled: readonly Attempt[] = []
  #droppedCount = 0
  #urgent: NodeJS.Timeout | undefined
  #urgentAtMs = Number.NEGATIVE_INFINITY
  #isOpen = false

  /** `auditKey` keys the chain of events. */
  constructor(options: { database: QueryableDatabase; clock: Clock; log: Log; auditKey: string | undefined }) {
    this.#database = options.database
    this.#chain = new AuditChain(options.database, options.auditKey)
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
      if (group.count === group.writtenCount) group.firstAt = now
      group.count += 1
      group.lastAt = now
      if (group.remoteAddress !== null && entry.remoteAddress) group.remoteAddress = entry.remoteAddress
      if (entry.detail && JSON.stringify(entry.detail).length <= MAX_DETAIL_LENGTH) group.detail = { ...group.detail, ...entry.detail }
      if (group.count === 1) this.#hurry()
    } catch (error) {
      this.#log.error({ err: error, operation: entry.operation }, 'an audit event was not noted')
    }
  }

  /** Begins the chain where there is none, and goes on writing until closed. Rejects with AppError UNAVAILABLE while the database is away. */
  async open(): Promise<void> {
    await this.#chain.open()
    this.#isOpen = true
    this.#task.open()
  }

  /** Writes what was noted before this call; what cannot be written stays for the next try. Never throws. */
  flush(): Promise<void> {
    return this.#task.run()
  }

  /** Flushes for the last time. */
  async close(): Promise<void> {
    this.#isOpen = false
    clearTimeout(this.#urgent)
    await this.#task.close()
    const lost = this.#unwritten().reduce((sum, { count, writtenCount }) => sum + count - writtenCount, 0)
    if (lost > 0) this.#log.error({ lost }, 'audit events are lost: the database took none of them before the end')
  }

  /** Writes now, or as soon as the last such writing is long enough ago. */
  #hurry(): void {
    if (!this.#isOpen || this.#urgent) return
    const waitMs = Math.max(0, this.#urgentAtMs + URGENT_EVERY_MS - this.#clock.monotonicMs())
    const write = (): void => {
      this.#urgent = undefined
      this.#urgentAtMs = this.#clock.monotonicMs()
      void this.#task.run()
    }
    if (waitMs === 0) write()
    else this.#urgent = setTimeout(write, waitMs).unref()
  }

  #groupOf(entry: AuditEntry, now: Date): Group | undefined {
    const { operation, outcome, code = null, caller, remoteAddress } = entry
    const minute = Math.floor(now.getTime() / GROUP_MS)
    // Of IPv6 the network: its owner chooses the rest, and would be somebody new each time.
    // The name tells a session of a client from the client itself.
    const who = caller ? [caller.id, caller.name] : [null, ipSubject(remoteAddress ?? '') ?? null]
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
    await this.#settle()
    const attempts = this.#unwritten().map((group) => ({ id: newId(), group, count: group.count }))
    if (attempts.length > 0) {
      await this.#database.assertWritable()
      await this.#save(attempts)
    }
    this.#forgetFinished()
    if (this.#droppedCount > 0) this.#log.warn({ dropped: this.#droppedCount }, 'audit events were only counted: too many kinds at once')
    this.#droppedCount = 0
  }

  /** Finds out what became of what was on its way when the database did not answer: nothing is written twice. */
  async #settle(): Promise<void> {
    if (this.#unsettled.length === 0) return
    const landed = await this.#chain.find(this.#unsettled.map(({ id }) => id))
    for (const { id, group, count } of this.#unsettled) if (landed.has(id)) group.writtenCount = count
    this.#unsettled = []
  }

  /** Of rows whose values the database refuses, each is written without its detail; the others never notice. */
  async #save(attempts: readonly Attempt[]): Promise<void> {
    try {
      await this.#chain.append(JSON.parse(scrubSecrets(JSON.stringify(attempts.map(toRow)))) as AuditRow[])
      for (const { group, count } of attempts) group.writtenCount = count
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code?.startsWith(DATA_EXCEPTION))) {
        this.#unsettled = [...this.#unsettled, ...attempts]
        throw error
      }
      await this.#saveApart(attempts, error)
    }
  }

  async #saveApart(attempts: readonly Attempt[], error: unknown): Promise<void> {
    const half = Math.floor(attempts.length / 2)
    const [attempt] = attempts
    if (half > 0) {
      await this.#save(attempts.slice(0, half))
      await this.#save(attempts.slice(half))
    } else if (attempt && Object.keys(attempt.group.detail).length > 0) {
      attempt.group.detail = {}
      await this.#save([attempt])
    } else if (attempt) {
      attempt.group.writtenCount = attempt.count
      const { operation } = attempt.group.entry
      this.#log.error({ err: error, operation }, 'audit events are lost: the database refuses what they hold')
    }
  }

  /** Lets go of groups that nothing can be added to any more. */
  #forgetFinished(): void {
    const minute = Math.floor(this.#clock.now().getTime() / GROUP_MS)
    for (const groups of [this.#groups, this.#coarseGroups]) {
      for (const [key, { startedAt, count, writtenCount }] of groups) {
        if (count === writtenCount && Math.floor(startedAt.getTime() / GROUP_MS) < minute) groups.delete(key)
      }
    }
  }
}

function addTo(groups: Map<string, Group>, key: string, of: { entry: AuditEntry; now: Date; detail?: JsonObject }): Group {
  const { entry, now, detail = {} } = of
  const group = {
    entry,
    startedAt: now,
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

function toRow({ id, group: { entry, firstAt, lastAt, remoteAddress, detail, writtenCount }, count }: Attempt): AuditRow {
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
    detail: { ...detail, count: count - writtenCount, firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() },
  }
}
