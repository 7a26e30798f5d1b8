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
import { type Evaluation, evaluateBatch } from './batch.js'
import { logCommits } from './commit-log.js'
import type { CommitBatch } from './commit-statement.js'
import { type LedgerStatus, Standing } from './standing.js'
import { type CatchUp, Store, type Turn } from './store.js'
import { WaitingCommands } from './waiting-commands.js'

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

/** Most changes that are followed one by one; beyond it the state is loaded anew. */
const MAX_FOLLOW = 5_000

/**
 * Turns commands into revisions. One lane: batches and catch-ups follow each other, never overlap, and readers are not part
 * of it. Commands that arrive while a batch is being written land together in the next one. A batch is written at once, in the hope
 * that no other replica was faster; once one was, this one stands in line with the others until it has had its turn undisturbed.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #store: Store
  readonly #waiting: WaitingCommands
  readonly #listeners = new Set<CommitListener>()
  #snapshot: Snapshot
  #lane: Promise<unknown> = Promise.resolve()
  #isPumping = false
  #isClosed = false
  /** Commits that were accepted and not yet answered. */
  #accepted = 0
  /** Whether other replicas write, too: then turns are taken. */
  #isContended = false
  /** What this process itself has committed last. */
  #ownRevision = 0
  readonly #standing: Standing

  private constructor(options: LedgerOptions, store: Store, snapshot: Snapshot) {
    this.#options = options
    this.#store = store
    this.#waiting = new WaitingCommands(options.settings.writeTimeoutMs)
    this.#snapshot = snapshot
    this.#standing = new Standing(options, snapshot.revision)
  }

  /** Loads the state and is ready to commit. */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const homeless = options.collections.find(({ pack }) => pack === '')
    if (homeless) throw new TypeError(`the collection ${homeless.name} belongs to no pack: see definePack`)
    const { database, collections, settings } = options
    const store = new Store(database, collections, settings.writeTimeoutMs)
    return new Ledger(options, store, await store.loadAll())
  }

  /** The newest state that this process has. */
  get snapshot(): Snapshot {
    return this.#snapshot
  }

  get status(): LedgerStatus {
    return this.#standing.status
  }

  /** Commands that wait to be committed. */
  get queueLength(): number {
    return this.#waiting.length
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
      const outcome = this.#waiting.add(write, write.idempotencyKey ? await hashInput(write.input) : null)
      void this.#pump()
      return await outcome
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
    this.#standing.hear(revision)
    return revision > this.#snapshot.revision
  }

  /** Looks at the head, and catches up when it has moved. Never throws: it keeps `status` true instead. */
  async poll(): Promise<void> {
    await this.#inLane(async () => {
      if (this.#isClosed) return
      try {
        // What waits for its turn brings the news along.
        if (this.#isContended && this.#waiting.length > 0) return
        if (this.status.revisionLag > 0) return await this.#catchUp()
        const askedAtMs = this.#options.clock.monotonicMs()
        const head = await this.#store.readHead()
        this.#standing.found(head.revision)
        if (head.revision === this.#snapshot.revision && head.digest === this.#snapshot.digest) this.#standing.confirmed(askedAtMs)
        else await this.#catchUp()
      } catch (error) {
        this.#standing.failed(error)
      }
    })
  }

  /** Refuses new commands, and waits until those that were accepted have been answered. */
  async close(): Promise<void> {
    this.#isClosed = true
    while (this.#accepted > 0) await this.#lane.then(() => new Promise(setImmediate))
    await this.#lane
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return
    this.#isPumping = true
    // Commands of the same turn of the event loop share a transaction.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#inLane(() => this.#commitNext())
    this.#isPumping = false
  }

  async #inLane<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lane.then(work)
    this.#lane = turn.catch(() => undefined)
    return turn
  }

  /** Commits what waits. Where other replicas were faster it waits again; a fault of one command's data is brought home by committing one by one. */
  async #commitNext(): Promise<void> {
    if (this.#waiting.length === 0) return
    try {
      await this.#options.database.assertWritable()
      const hasEnded = this.#isContended ? await this.#commitInTurn() : await this.#commitAtOnce()
      if (!hasEnded) this.#waiting.putBack()
    } catch (error) {
      if (error instanceof DatabaseAwayError) {
        this.#standing.failed(error)
        this.#waiting.fail(unavailable(error, error.landed))
      } else if (error instanceof AppError || !this.#waiting.separate()) this.#waiting.fail(error)
    }
  }

  async #commitAtOnce(): Promise<boolean> {
    const { isShared } = this.#options.database
    const evaluation = await this.#evaluate((keys, now) => this.#store.findAnswers(keys, now))
    if (!evaluation) return true
    if (await this.#land(evaluation)) {
      this.#end(evaluation)
      return true
    }
    this.#isContended = isShared
    if (!isShared) await this.#catchUp()
    return false
  }

  /** Commits what waits by the time that this replica is served. */
  async #commitInTurn(): Promise<boolean> {
    let askedAtMs = this.#options.clock.monotonicMs()
    let isWhole = true
    let evaluation: Evaluation | undefined
    const hasEnded = await this.#store.inTurn({ position: this.#snapshot, limit: MAX_FOLLOW }, async ({ news, findAnswers, write }) => {
      isWhole = news !== undefined
      if (!news) return false
      this.#follow(news, askedAtMs)
      this.#isContended = this.#snapshot.revision !== this.#ownRevision
      evaluation = await this.#evaluate(findAnswers)
      askedAtMs = this.#options.clock.monotonicMs()
      return !evaluation || isEmpty(evaluation.batch) || write(evaluation.batch)
    })
    if (!isWhole) await this.#catchUp()
    if (!hasEnded || !evaluation) return hasEnded
    if (!isEmpty(evaluation.batch)) this.#publish(evaluation.snapshot, evaluation.batch.changes, askedAtMs)
    this.#end(evaluation)
    return true
  }

  #end(evaluation: Evaluation): void {
    this.#standing.answered()
    if (!isEmpty(evaluation.batch)) this.#ownRevision = evaluation.snapshot.revision
    logCommits(this.#options.log, evaluation.batch.changes)
    this.#waiting.settle(evaluation)
  }

  /** What those come to that are next; undefined when all of them have given up meanwhile. */
  async #evaluate(findAnswers: Turn['findAnswers']): Promise<Evaluation | undefined> {
    const now = this.#options.clock.now()
    const next = this.#waiting.next()
    const keys = next.flatMap(({ write }) =>
      write.idempotencyKey ? [{ client_id: write.caller.id, operation: write.command.name, key: write.idempotencyKey }] : [],
    )
    const answers = keys.length === 0 ? [] : await findAnswers(keys, now)
    const batch = this.#waiting.take(next)
    if (batch.length === 0) return undefined
    const { auditKey = '' } = this.#options.settings
    const context = (caller: Caller): CommandContext => this.#context(caller)
    return this.#waiting.evaluate(() => evaluateBatch({ base: this.#snapshot, batch, answers, auditKey, now, context }))
  }

  /** Writes and publishes an evaluation. False when it was made on a state that is not the newest. */
  async #land(evaluation: Evaluation): Promise<boolean> {
    const { batch, snapshot } = evaluation
    const startedAtMs = this.#options.clock.monotonicMs()
    if (isEmpty(batch)) {
      // Refusals and no-ops write nothing, yet must be true of the newest state too.
      if (!this.#options.database.isShared) return true
      const head = await this.#store.readHead()
      return head.revision === batch.base.revision && head.digest === batch.base.digest
    }
    if (!(await this.#store.write(batch))) return false
    this.#publish(snapshot, batch.changes, startedAtMs)
    return true
  }

  async #catchUp(): Promise<void> {
    const startedAtMs = this.#options.clock.monotonicMs()
    const news = await this.#store.loadSince({ position: this.#snapshot, limit: MAX_FOLLOW })
    if (news) {
      this.#follow(news, startedAtMs)
      return
    }
    const snapshot = await this.#store.loadAll()
    this.#options.database.damage.clear()
    this.#options.log.warn({ from: this.#snapshot.revision, to: snapshot.revision }, 'state loaded anew')
    this.#publish(snapshot, [], startedAtMs)
  }

  /** Brings the snapshot up with what others have done. */
  #follow(news: CatchUp, startedAtMs: number): void {
    if (news.changes.length === 0) {
      // Nothing has happened, and a publication without changes would tell that the state was loaded anew.
      this.#standing.confirmed(startedAtMs)
      return
    }
    const draft = new Draft(this.#snapshot)
    for (const { collection, key, record } of news.records) draft.restore(collection, key, record)
    this.#publish(draft.toSnapshot(news.head), news.changes, startedAtMs)
  }

  #publish(snapshot: Snapshot, changes: readonly ChangeRecord[], confirmedAtMs: number): void {
    this.#snapshot = snapshot
    this.#standing.reached(snapshot.revision, confirmedAtMs, { isWhole: changes.length === 0 })
    for (const listener of this.#listeners) {
      try {
        listener(changes, snapshot)
      } catch (error) {
        this.#options.log.error({ err: error }, 'a listener to commits failed')
      }
    }
  }

  #context(caller: Caller): CommandContext {
    const { clock, settings } = this.#options
    return { caller, settings, now: clock.now(), newId }
  }
}

/** Whether there is nothing to write: refusals and no-ops. */
function isEmpty({ changes, idempotency }: CommitBatch): boolean {
  return changes.length === 0 && idempotency.length === 0
}
