import { BackgroundTask } from '../../../core/background/background-task.js'
import { SYSTEM_CALLER } from '../../../core/contract/caller.js'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { AppError, userError } from '../../../core/contract/errors.js'
import { mayHaveLanded } from '../../../core/database/database-error.js'
import { type ChangeRecord, MAX_REASON_LENGTH } from '../../../core/state/change.js'
import { findRevertSubject } from '../../../core/state/revert.js'
import type { Write, WriteOutcome } from '../../../core/state/write.js'
import { type ProofRun, type ProofSlot, prover } from '../ports.js'
import { forgotten, type GuardOutcome, outcomeOf, unconfirmed, unsettled } from './guard-outcome.js'
import { type GuardedOperationRecord, guardedOperationCollection, guardedOperationOf } from './guarded-operation.collection.js'
import { type Claim, createPutBackCommand, createSettleCommand, isOpenTo, leaseGuardedOperation } from './guarded-operation.commands.js'

/** How often a lease is renewed, in milliseconds. */
const RENEW_EVERY_MS = 4_000
/** How often the clock is looked at for leases that have run out, in milliseconds. */
const LOOK_EVERY_MS = 1_000
/** Most names of failed checks in a reason. */
const MAX_NAMES = 5

/** An operation that this process proves. */
interface Job extends Pick<Write<object, unknown>, 'caller' | 'correlationId'> {
  readonly claim: Claim
  readonly revision: number
  readonly changes: readonly ChangeRecord[]
  /** What is added to the reason. */
  readonly note: string
}

/**
 * Proves operations by the smoke test, and puts back those that do not hold. What came of them is state: whoever settles an
 * operation first decides, and everybody else reads it from the snapshot.
 */
class SmokeGuard {
  readonly #core: CoreServices
  /** Ids of the operations that this process is about to commit, or proves. */
  readonly #atWork = new Set<string>()
  /** Operations that are not settled, of every process. */
  #proving: readonly GuardedOperationRecord[] = []
  #isStopping = false

  constructor(core: CoreServices) {
    this.#core = core
  }

  /**
   * Commits an operation that notes `claim`, and proves it; refused when another smoke test is under way here. Throws AppError
   * UNAVAILABLE where it may have been committed and could not be settled yet: it will be, without anybody's help.
   */
  async commit<O>(write: Write<object, O>, claim: Claim): Promise<WriteOutcome<O>> {
    const slot = this.#core.once(prover).reserve()
    if (!slot) {
      const message = 'Another smoke test is under way on this replica; this call has changed nothing. Try again in a few seconds.'
      return { ok: false, userErrors: [userError('INVALID_STATE', ['guardWithSmokeTest'], message)] }
    }
    return this.#atWorkOn(claim, slot, async () => {
      const outcome = await this.#core.ledger.commit(write).catch((error: unknown) => {
        throw mayHaveLanded(error) ? unconfirmed(error) : error
      })
      if (!outcome.ok || outcome.isReplay || outcome.revision === null) return outcome
      const { revision, changes } = outcome
      const { caller, correlationId } = write
      await this.#prove(slot, { claim, revision, changes, caller, correlationId, note: '' })
      return outcome
    })
  }

  /** What the operation that was committed as this revision came to; waits until it is settled, whoever proves it. */
  async outcomeAt(revision: number): Promise<GuardOutcome> {
    const { ledger } = this.#core
    if (ledger.snapshot.revision < revision) await ledger.catchUp()
    return new Promise((resolve, reject) => {
      const end = (report: () => void): void => {
        stopListening()
        clearInterval(timer)
        report()
      }
      const look = (): void => {
        const operation = guardedOperationOf(ledger.snapshot, revision)
        if (!operation) end(() => resolve(forgotten(revision)))
        else if (operation.status !== 'PROVING') end(() => resolve(outcomeOf(operation)))
        else if (this.#isStopping) end(() => reject(unsettled(revision, { why: 'stopping' })))
        else if (!ledger.status.isDatabaseReachable) end(() => reject(unsettled(revision, { why: 'database' })))
      }
      const stopListening = ledger.onCommit(look)
      const timer = setInterval(look, LOOK_EVERY_MS)
      timer.unref()
      look()
    })
  }

  /** Takes over what nobody proves any more: looks at each commit of a guarded operation and now and then. Returns what stops it. */
  run(): () => Promise<void> {
    const { ledger, log } = this.#core
    const task = new BackgroundTask({
      name: 'settling guarded operations',
      everyMs: LOOK_EVERY_MS,
      log,
      work: () => this.#takeOverNext(),
    })
    const look = (): void => {
      this.#proving = [...ledger.snapshot.view(guardedOperationCollection).values()].filter(({ status }) => status === 'PROVING')
      if (this.#proving.length > 0) void task.run()
    }
    const stopListening = ledger.onCommit((changes) => {
      if (changes.length === 0 || changes.some(({ targetType }) => targetType === guardedOperationCollection.name)) look()
    })
    task.open()
    look()
    return () => {
      this.#isStopping = true
      stopListening()
      return task.stop()
    }
  }

  async #takeOverNext(): Promise<void> {
    const { ledger, clock, instanceId, database } = this.#core
    if (this.#isStopping || !ledger.status.isDatabaseReachable) return
    const here = { instanceId, isShared: database.isShared }
    const abandoned = this.#proving.find((operation) => !this.#atWork.has(operation.id) && isOpenTo(operation, here, clock.now()))
    const slot = abandoned && this.#core.once(prover).reserve()
    if (slot) await this.#takeOver(abandoned, slot)
  }

  async #takeOver({ id, revision, instanceId: before }: GuardedOperationRecord, slot: ProofSlot): Promise<void> {
    const { changeLog, instanceId } = this.#core
    const claim = { id, instanceId }
    const note = before === instanceId ? '' : `; taken over from instance ${before}, which did not settle it`
    await this.#atWorkOn(claim, slot, async () => {
      const changes = await changeLog.ofRevision(revision)
      const job = { claim, revision, changes, caller: SYSTEM_CALLER, correlationId: changes[0]?.correlationId ?? id, note }
      if (await this.#lease(job, 'taken over to be proved')) await this.#prove(slot, job)
    })
  }

  async #atWorkOn<T>({ id }: Claim, slot: ProofSlot, work: () => Promise<T>): Promise<T> {
    this.#atWork.add(id)
    try {
      return await work()
    } finally {
      this.#atWork.delete(id)
      slot.release()
    }
  }

  /** Whether the operation is this process's to prove. */
  async #lease({ claim, caller, correlationId }: Job, reason: string): Promise<boolean> {
    const { ledger, database } = this.#core
    const input = { ...claim, isShared: database.isShared }
    return (await ledger.commit({ command: leaseGuardedOperation, input, caller, correlationId, reason })).ok
  }

  /** Probes the service, and settles the operation; does nothing when it was settled meanwhile. Throws when it cannot be settled now. */
  async #prove(slot: ProofSlot, job: Job): Promise<void> {
    const { run, failure } = await this.#probe(slot, job)
    const { revision } = job
    // A service that is about to end proves nothing.
    if (failure !== null && this.#isStopping) throw unsettled(revision, { why: 'stopping' })
    try {
      await (failure === null ? this.#settle(job, run) : this.#putBack(job, run, failure))
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAVAILABLE') throw unsettled(revision, { why: 'database', cause: error })
      throw error
    }
  }

  /** Runs the smoke test; a run that could not be made counts as failed, since it proved nothing. */
  async #probe(slot: ProofSlot, job: Job): Promise<{ run: ProofRun | null; failure: string | null }> {
    // One that fails needs no answer: the lease runs out, and somebody else proves it.
    const renewing = setInterval(() => this.#lease(job, 'still being proved').catch(() => undefined), RENEW_EVERY_MS)
    renewing.unref()
    try {
      const run = await slot.run(job.caller)
      return { run, failure: run.isOk ? null : failureOf(run) }
    } catch (error) {
      return { run: null, failure: `the smoke test could not be run: ${error instanceof AppError ? error.message : 'an internal error'}` }
    } finally {
      clearInterval(renewing)
    }
  }

  async #settle({ claim, caller, correlationId, note }: Job, run: ProofRun | null): Promise<void> {
    const reason = `smoke test ${run?.id} passed${note}`
    await this.#core.ledger.commit({ command: createSettleCommand({ claim, run }), input: {}, caller, correlationId, reason })
  }

  async #putBack({ claim, revision, changes, caller, correlationId, note }: Job, run: ProofRun | null, failure: string) {
    const core = this.#core
    const reason = `${failure}${note}`.slice(0, MAX_REASON_LENGTH).toWellFormed()
    const subject = await findRevertSubject(core.changeLog, { changes, collections: core.collections })
    const command = createPutBackCommand({ claim, run, failure: reason, subject })
    const { ok } = await core.ledger.commit({ command, input: { revision }, caller, correlationId, reason })
    if (!ok || guardedOperationOf(core.ledger.snapshot, revision)?.status !== 'UNPROVED') return
    core.log.error(
      { revision, smokeTestRunId: run?.id ?? null, reason },
      'the smoke test of a guarded operation failed and it could not be put back: run the smoke test, or revert the revision',
    )
  }
}

/** The smoke guard of a server. */
export const smokeGuard = (core: CoreServices): SmokeGuard => new SmokeGuard(core)

/** As short as a reason has to be, however many checks have failed and whatever they are called. */
function failureOf({ id, results }: ProofRun): string {
  const failed = results.filter(({ status, isBlocking }) => status === 'FAILED' && isBlocking).map(({ name }) => name)
  const more = failed.length > MAX_NAMES ? ` and ${failed.length - MAX_NAMES} more` : ''
  return `smoke test ${id} failed: ${failed.slice(0, MAX_NAMES).join(', ')}${more}`
}
