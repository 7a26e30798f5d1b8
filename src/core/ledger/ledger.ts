import type { Caller } from '../contract/caller.js'
import { AppError, type UserErrorData } from '../contract/errors.js'
import type { Database } from '../database/database.js'
import { DatabaseAwayError, orUnavailable, unavailable } from '../database/database-error.js'
import type { Clock } from '../platform/clock.js'
import { newId } from '../platform/ids.js'
import type { Log } from '../platform/log.js'
import type { Settings } from '../platform/settings.js'
import type { ChangeRecord } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import type { CommandContext, CommandResult, CommandSettings } from '../state/command.js'
import { Draft } from '../state/draft.js'
import { findInputFaults, hashInput } from '../state/input.js'
import type { Snapshot } from '../state/snapshot.js'
import type { Plan, Write, WriteOutcome } from '../state/write.js'
import { type Evaluation, evaluateBatch, type Pending } from './batch.js'
import { logCommits } from './commit-log.js'
import { Store } from './store.js'

/** How far this process is behind, and whether it can still ask. */
export interface LedgerStatus {
  readonly isDatabaseReachable: boolean
  /** Milliseconds since the snapshot was last known to be the newest state. */
  readonly snapshotAgeMs: number
  /** Revisions that the database is known to be ahead of this process. */
  readonly revisionLag: number
}

/** `auditKey` keys the digest chain; `writeTimeoutMs` is how long a caller waits for a write before it is told UNAVAILABLE. */
export type LedgerSettings = Pick<Settings, 'auditKey' | 'writeTimeoutMs'> & CommandSettings

/** What a ledger is made of. */
export interface LedgerOptions {
  readonly database: Database
  readonly collections: readonly AnyCollection[]
  readonly clock: Clock
  readonly log: Log
  readonly settings: LedgerSettings
}

/** Hears of commits, after their snapshot is in force. */
export type CommitListener = (changes: readonly ChangeRecord[], snapshot: Snapshot) => void

/** Most commands that land in one transaction. */
const MAX_BATCH = 256
/** Most changes that are followed one by one; beyond it the state is loaded anew. */
const MAX_FOLLOW = 5_000
/** Tries of one batch before other replicas are declared too busy. */
const MAX_ATTEMPTS = 50

/**
 * Turns commands into revisions. One lane: batches and catch-ups follow each other, never overlap, and readers are not part
 * of it. Commands that arrive while a batch is being written land together in the next one.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #store: Store
  readonly #queue: Pending[] = []
  readonly #listeners = new Set<CommitListener>()
  #snapshot: Snapshot
  #lane: Promise<unknown> = Promise.resolve()
  #isPumping = false
  #isClosed = false
  /** Commits that were accepted and not yet answered. */
  #accepted = 0
  #isReachable = true
  #confirmedAtMs: number
  #knownRevision: number

  private constructor(options: LedgerOptions, store: Store, snapshot: Snapshot) {
    this.#options = options
    this.#store = store
    this.#snapshot = snapshot
    this.#knownRevision = snapshot.revision
    this.#confirmedAtMs = options.clock.monotonicMs()
  }

  /** Loads the state and is ready to commit. */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const homeless = options.collections.find(({ pack }) => pack === '')
    if (homeless) throw new TypeError(`the collection ${homeless.name} belongs to no pack: see definePack`)
    const store = new Store(options.database, options.collections)
    return new Ledger(options, store, await store.loadAll())
  }

  /** The newest state that this process has. */
  get snapshot(): Snapshot {
    return this.#snapshot
  }

  get status(): LedgerStatus {
    const isOwnDatabase = !this.#options.database.isShared
    return {
      isDatabaseReachable: this.#isReachable,
      snapshotAgeMs: isOwnDatabase && this.#isReachable ? 0 : this.#options.clock.monotonicMs() - this.#confirmedAtMs,
      revisionLag: Math.max(0, this.#knownRevision - this.#snapshot.revision),
    }
  }

  /** Commands that wait to be committed. */
  get queueLength(): number {
    return this.#queue.length
  }

  /** Calls `listener` after each publication, in the order of revisions, until the returned function is called. */
  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Runs a command on exactly the state that it commits on, and makes its edits durable.
   * Throws AppError UNAVAILABLE when the database cannot be written, IDEMPOTENCY_KEY_REUSED when the key came with another
   * input before. An unexpected fault of the command itself is thrown as it is, and touches no other command.
   */
  async commit<I extends object, O>(write: Write<I, O>): Promise<WriteOutcome<O>> {
    if (this.#isClosed) throw new AppError('UNAVAILABLE', 'The control plane is shutting down.', { retryAfterSeconds: 1 })
    this.#accepted += 1
    try {
      const faults = await this.#findFaults(write)
      if (faults.length > 0) return { ok: false, userErrors: faults }
      return await this.#enqueue(write, write.idempotencyKey ? await hashInput(write.input) : null)
    } finally {
      this.#accepted -= 1
    }
  }

  /** Runs a command on the newest state that this process has, and tells what it would change. */
  async plan<I extends object, O>(write: Write<I, O>): Promise<Plan<O>> {
    const faults = await this.#findFaults(write)
    if (faults.length > 0) return { ok: false, userErrors: faults }
    const draft = new Draft(this.#snapshot)
    const result: CommandResult<O> = await write.command.run(draft, write.input, this.#context(write.caller))
    if (!result.ok) return result
    return { ok: true, value: result.value, revision: draft.base.revision, changes: await draft.changesInSlices() }
  }

  /**
   * Faults of the input that need no state: those of any input, and what the command's own preparation finds. Where there
   * are some, the command is asked too, on a draft that is thrown away: the caller learns of everything at once.
   */
  async #findFaults<I extends object, O>(write: Write<I, O>): Promise<readonly UserErrorData[]> {
    const { faults, isWalkable } = await findInputFaults(write)
    if (!isWalkable) return faults
    const found = [...faults, ...((await write.command.prepare?.(write.input, this.#context(write.caller))) ?? [])]
    if (found.length === 0) return found
    const result = await write.command.run(new Draft(this.#snapshot), write.input, this.#context(write.caller))
    const places = new Set(found.map(({ field }) => JSON.stringify(field)))
    return result.ok ? found : [...found, ...result.userErrors.filter(({ field }) => !places.has(JSON.stringify(field)))]
  }

  /** Brings the snapshot up to the database's head. Throws AppError UNAVAILABLE when the database does not answer. */
  catchUp(): Promise<void> {
    return orUnavailable(() => this.#inLane(() => this.#catchUp()))
  }

  /** Notes that the database has come to this revision; true when the snapshot has not. */
  hear(revision: number): boolean {
    this.#knownRevision = Math.max(this.#knownRevision, revision)
    return revision > this.#snapshot.revision
  }

  /** Looks at the head, and catches up when it has moved. Never throws: it keeps `status` true instead. */
  async poll(): Promise<void> {
    await this.#inLane(async () => {
      if (this.#isClosed) return
      try {
        const askedAtMs = this.#options.clock.monotonicMs()
        const head = await this.#store.readHead()
        this.#setReachable(true)
        this.#knownRevision = head.revision
        if (head.revision === this.#snapshot.revision && head.digest === this.#snapshot.digest) this.#confirmedAtMs = askedAtMs
        else await this.#catchUp()
      } catch (error) {
        this.#setReachable(false, error)
      }
    })
  }

  /** Refuses new commands, and waits until those that were accepted have been answered. */
  async close(): Promise<void> {
    this.#isClosed = true
    while (this.#accepted > 0) await this.#lane.then(() => new Promise(setImmediate))
    await this.#lane
  }

  #enqueue<I extends object, O>(write: Write<I, O>, inputHash: string | null): Promise<WriteOutcome<O>> {
    return new Promise<WriteOutcome<O>>((resolve, reject) => {
      const finish = (report: () => void) => {
        clearTimeout(timer)
        report()
      }
      const pending: Pending = {
        write: write as unknown as Write<object, unknown>,
        inputHash,
        settle: (outcome) => finish(() => resolve(outcome as WriteOutcome<O>)),
        fail: (error) => finish(() => reject(error)),
      }
      const timer = setTimeout(() => this.#giveUp(pending), this.#options.settings.writeTimeoutMs)
      this.#queue.push(pending)
      void this.#pump()
    })
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return
    this.#isPumping = true
    // Commands of the same turn of the event loop share a transaction.
    await Promise.resolve()
    // Taken off the queue only once the lane is free: until then a caller who gives up can withdraw its command.
    while (this.#queue.length > 0) await this.#inLane(() => this.#commitBatch(this.#queue.splice(0, MAX_BATCH)))
    this.#isPumping = false
  }

  async #inLane<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lane.then(work)
    this.#lane = turn.catch(() => undefined)
    return turn
  }

  /** Commits a batch; a fault that comes from one command's data is brought home by committing one by one. */
  async #commitBatch(batch: readonly Pending[]): Promise<void> {
    if (batch.length === 0) return
    try {
      await this.#tryBatch(batch)
    } catch (error) {
      if (error instanceof DatabaseAwayError) {
        this.#setReachable(false, error)
        for (const pending of batch) pending.fail(unavailable(error, error.landed))
      } else if (batch.length > 1 && !(error instanceof AppError)) for (const pending of batch) await this.#commitBatch([pending])
      else for (const pending of batch) pending.fail(error)
    }
  }

  async #tryBatch(batch: readonly Pending[]): Promise<void> {
    await this.#options.database.assertWritable()
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const now = this.#options.clock.now()
      const evaluation = await evaluateBatch({
        base: this.#snapshot,
        batch,
        answers: await this.#findAnswers(batch, now),
        auditKey: this.#options.settings.auditKey ?? '',
        now,
        context: (caller) => this.#context(caller),
      })
      if (await this.#land(evaluation)) {
        this.#setReachable(true)
        for (const outcome of evaluation.outcomes) {
          if ('error' in outcome) outcome.pending.fail(outcome.error)
          else outcome.pending.settle(outcome.result)
        }
        return
      }
      // Another replica was first: a little disorder keeps two of them from meeting again and again.
      if (attempt > 2) await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(attempt, 20)))
      await this.#catchUp()
    }
    throw new AppError('UNAVAILABLE', 'Other replicas are writing too fast; nothing was changed. Try again.', { retryAfterSeconds: 1 })
  }

  /** Writes and publishes an evaluation. False when it was made on a state that is not the newest. */
  async #land(evaluation: Evaluation): Promise<boolean> {
    const { batch, snapshot } = evaluation
    const startedAtMs = this.#options.clock.monotonicMs()
    if (batch.changes.length === 0 && batch.idempotency.length === 0) {
      // Refusals and no-ops write nothing, yet must be true of the newest state too.
      if (!this.#options.database.isShared) return true
      const head = await this.#store.readHead()
      return head.revision === batch.base.revision && head.digest === batch.base.digest
    }
    if (!(await this.#store.write(batch))) return false
    this.#publish(snapshot, batch.changes, startedAtMs)
    logCommits(this.#options.log, batch.changes)
    return true
  }

  async #catchUp(): Promise<void> {
    const startedAtMs = this.#options.clock.monotonicMs()
    const news = await this.#store.loadSince(this.#snapshot, MAX_FOLLOW)
    if (!news) {
      const snapshot = await this.#store.loadAll()
      this.#options.log.warn({ from: this.#snapshot.revision, to: snapshot.revision }, 'state loaded anew')
      this.#publish(snapshot, [], startedAtMs)
      return
    }
    if (news.changes.length === 0) {
      // Nothing has happened, and a publication without changes would tell that the state was loaded anew.
      this.#confirmedAtMs = startedAtMs
      this.#setReachable(true)
      return
    }
    const draft = new Draft(this.#snapshot)
    for (const { collection, key, record } of news.records) draft.restore(collection, key, record)
    this.#publish(draft.toSnapshot(news.head), news.changes, startedAtMs)
  }

  #publish(snapshot: Snapshot, changes: readonly ChangeRecord[], confirmedAtMs: number): void {
    this.#snapshot = snapshot
    // Only a database that was put back to an earlier state is read without changes: what was known before is void then.
    this.#knownRevision = changes.length > 0 ? Math.max(snapshot.revision, this.#knownRevision) : snapshot.revision
    this.#confirmedAtMs = confirmedAtMs
    this.#setReachable(true)
    for (const listener of this.#listeners) {
      try {
        listener(changes, snapshot)
      } catch (error) {
        this.#options.log.error({ err: error }, 'a listener to commits failed')
      }
    }
  }

  async #findAnswers(batch: readonly Pending[], now: Date) {
    const keys = batch.flatMap(({ write }) =>
      write.idempotencyKey ? [{ client_id: write.caller.id, operation: write.command.name, key: write.idempotencyKey }] : [],
    )
    return keys.length === 0 ? [] : this.#store.findAnswers(keys, now)
  }

  /** The caller has waited long enough: a command that still waits is withdrawn, one that is under way may yet land. */
  #giveUp(pending: Pending): void {
    const index = this.#queue.indexOf(pending)
    if (index >= 0) this.#queue.splice(index, 1)
    const landed = index >= 0 ? 'nothing' : 'unknown'
    pending.fail(unavailable(new DatabaseAwayError(`no confirmation within ${this.#options.settings.writeTimeoutMs} ms`, landed), landed))
  }

  #context(caller: Caller): CommandContext {
    const { clock, settings } = this.#options
    return { caller, settings, now: clock.now(), newId }
  }

  #setReachable(isReachable: boolean, error?: unknown): void {
    if (this.#isReachable === isReachable) return
    this.#isReachable = isReachable
    if (isReachable) this.#options.log.info({ revision: this.#snapshot.revision }, 'database reachable again')
    else
      this.#options.log.error(
        { err: error, revision: this.#snapshot.revision },
        'database away: reads go on from memory, writes are refused',
      )
  }
}
