import { setTimeout as wait } from 'node:timers/promises'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { AppError, type UserErrorData, userError } from '../../../core/contract/errors.js'
import { DatabaseAwayError, mayHaveLanded, unavailable } from '../../../core/database/database-error.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { KeptAnswers } from '../../../core/ledger/kept-answers.js'
import type { ChangeRecord } from '../../../core/state/change.js'
import { MAX_REASON_LENGTH } from '../../../core/state/change.js'
import { createRevertCommand, findRevertSubject } from '../../../core/state/revert.js'
import type { Write } from '../../../core/state/write.js'
import type { Json } from '../../../core/values/json.js'
import { type ProofRun, type ProofSlot, prover } from '../ports.js'
import type { PlannedChangeData } from './admin-operation.command.js'

/** A call of an admin operation. */
export type AdminWrite = Write<object, readonly PlannedChangeData[]>

/** What the guard made of an operation that was committed. */
export interface GuardOutcome {
  readonly wasReverted: boolean
  readonly smokeTestRun: ProofRun | null
  readonly userErrors: readonly UserErrorData[]
}

/** A guarded operation that was committed. */
export interface GuardedOperation {
  readonly write: AdminWrite
  readonly revision: number
  readonly changes: readonly ChangeRecord[]
}

/** The right to prove one operation. */
export interface GuardTurn {
  readonly slot: ProofSlot
  end(): void
}

/** A probe that did not hold, as it is told: to the log of changes and to the caller. */
interface Failure {
  readonly run: ProofRun | null
  readonly reason: string
}

/** Most names of failed checks in a reason. */
const MAX_NAMES = 5

/** Proves operations by the smoke test, puts back those that do not hold, and remembers what came of it for their replays. */
export class OperationGuard {
  readonly #core: CoreServices
  /** Operations with an idempotency key that this process is about to prove. */
  readonly #underWay = new Set<string>()

  constructor(core: CoreServices) {
    this.#core = core
  }

  /** The answer to the first call with this key, if there was one; throws UNAVAILABLE when that cannot be told in the time that a write has. */
  async findAnswer(write: AdminWrite) {
    const { writeTimeoutMs } = this.#core.settings
    const limit = new AbortController()
    const late = wait(writeTimeoutMs, undefined, { signal: limit.signal }).then(() => {
      throw unavailable(new DatabaseAwayError(`no answer within ${writeTimeoutMs} ms`, 'nothing'), 'nothing')
    })
    try {
      return await Promise.race([this.#answers().find(write), late])
    } finally {
      limit.abort()
    }
  }

  /** Takes the turn to commit and prove an operation: there is one at a time. To be ended in any case. */
  begin(write: AdminWrite): GuardTurn | UserErrorData {
    const mark = markOf(write)
    if (mark !== undefined && this.#underWay.has(mark)) {
      const message = 'The first call with this idempotency key is still under way. Ask again in a few seconds for its answer.'
      return userError('INVALID_STATE', ['idempotencyKey'], message)
    }
    const slot = this.#core.once(prover).reserve()
    if (!slot) {
      const message = 'Another smoke test is under way on this replica; nothing was changed. Try again in a few seconds.'
      return userError('INVALID_STATE', ['guardWithSmokeTest'], message)
    }
    if (mark !== undefined) this.#underWay.add(mark)
    const end = (): void => {
      slot.release()
      if (mark !== undefined) this.#underWay.delete(mark)
    }
    return { slot, end }
  }

  /** Commits what is to be proved. A commit that nobody has confirmed may land with nobody left to prove it: then this says so. */
  async commit(write: AdminWrite) {
    try {
      return await this.#core.ledger.commit(write)
    } catch (error) {
      if (!mayHaveLanded(error)) throw error
      this.#core.log.error({ err: error }, 'a guarded operation was not confirmed: it may be in force without a smoke test')
      const message =
        'The database did not confirm the write in time, so the operation may or may not have landed. If it has, no smoke test has proved it: look at `changes`, then run the smoke test, or put its revision back with revertRevision. With an idempotency key, the same call tells.'
      throw new AppError('UNAVAILABLE', message, { retryAfterSeconds: 2, cause: error })
    }
  }

  /** Probes the service; puts the changes back when it does not hold. Never throws: the operation is committed. */
  async prove(context: RequestContext, slot: ProofSlot, operation: GuardedOperation): Promise<GuardOutcome> {
    const { run, reason } = await probe(slot, context)
    const outcome =
      reason === null ? { wasReverted: false, smokeTestRun: run, userErrors: [] } : await this.#putBack(context, operation, { run, reason })
    await this.#keep(operation, outcome)
    return outcome
  }

  /** What came of an operation that an earlier call has committed. */
  async recall(operation: GuardedOperation): Promise<GuardOutcome> {
    const { write, revision, changes } = operation
    const kept = await this.#answers().findSequel(write, revision)
    if (kept !== undefined) return fromJson(kept)
    const mark = markOf(write)
    if (mark !== undefined && this.#underWay.has(mark)) {
      return unproved(`Revision ${revision} is committed, and its smoke test is still under way. Ask again in a few seconds.`)
    }
    const revertedBy = await this.#findRevert(changes)
    const begin = `Revision ${revision} is committed, and what its smoke test came to is not known: it is still under way on another replica, or its process was cut off.`
    if (revertedBy === null) return unproved(`${begin} ${adviceFor(revision)}`)
    return { ...unproved(`${begin} Revision ${revertedBy} has put it back: nothing of it is in force.`), wasReverted: true }
  }

  async #putBack(context: RequestContext, { revision, changes }: GuardedOperation, { run, reason }: Failure): Promise<GuardOutcome> {
    const core = this.#core
    try {
      const subject = await findRevertSubject(core.changeLog, { changes, collections: core.collections })
      const outcome = await core.ledger.commit({
        command: createRevertCommand(subject),
        input: { revision },
        caller: context.caller,
        correlationId: context.requestId,
        reason,
      })
      context.snapshot = core.ledger.snapshot
      if (outcome.ok) return { wasReverted: true, smokeTestRun: run, userErrors: [] }
      const why = outcome.userErrors.map(({ message }) => message).join(' ')
      this.#logUnproved(revision, { run, reason }, why)
      return {
        ...unproved(`Revision ${revision} could not be put back, and is in force: ${why} ${adviceFor(revision)}`, reason),
        smokeTestRun: run,
      }
    } catch (error) {
      this.#logUnproved(revision, { run, reason }, error)
      const state = mayHaveLanded(error)
        ? `Whether revision ${revision} was put back was not confirmed in time; take it to be in force until \`changes\` shows its revert.`
        : `Revision ${revision} could not be put back, since the revert could not be written, and is in force.`
      return { ...unproved(`${state} ${adviceFor(revision)}`, reason), smokeTestRun: run }
    }
  }

  #logUnproved(revision: number, { run, reason }: Failure, why: unknown): void {
    const details = why instanceof Error ? { err: why } : { why }
    this.#core.log.error(
      { revision, smokeTestRunId: run?.id ?? null, reason, ...details },
      'the smoke test of a guarded operation failed and it could not be put back: run the smoke test, or revert the revision',
    )
  }

  /** Keeps the outcome for replays; waits no longer than a write may, as the caller is owed an answer. */
  async #keep({ write, revision }: GuardedOperation, outcome: GuardOutcome): Promise<void> {
    if (!write.idempotencyKey) return
    const { log, settings } = this.#core
    const keeping = this.#answers()
      .keepSequel(write, { revision, sequel: outcome as unknown as Json })
      .catch((error: unknown) =>
        log.error({ err: error, revision }, 'what a guard came to is not kept: a replay of its call will not know it'),
      )
    await Promise.race([keeping, wait(settings.writeTimeoutMs, undefined, { ref: false })])
  }

  /**
   * The revision that has put these changes back, if the first thing that happened to their objects was that: a revert is
   * refused where anything has changed since, so it can be of no other revision.
   */
  async #findRevert([first]: readonly ChangeRecord[]): Promise<number | null> {
    if (!first) return null
    const { targetType, targetKey, revision } = first
    for await (const next of this.#core.changeLog.stream({ targetType, targetKey, sinceRevision: revision }))
      return next.operation === 'revertRevision' ? next.revision : null
    return null
  }

  /** Made when it is needed: the database is not there yet when the schema is only looked at. */
  #answers(): KeptAnswers {
    return new KeptAnswers(this.#core)
  }
}

function markOf({ caller, idempotencyKey }: AdminWrite): string | undefined {
  return idempotencyKey ? JSON.stringify([caller.id, idempotencyKey]) : undefined
}

function adviceFor(revision: number): string {
  return `Run the smoke test, and put it back with revertRevision(input: { revision: ${revision} }) if it fails.`
}

function unproved(message: string, reason?: string): GuardOutcome {
  const begin = reason === undefined ? '' : `${reason.charAt(0).toUpperCase()}${reason.slice(1)}. `
  return { wasReverted: false, smokeTestRun: null, userErrors: [userError('INVALID_STATE', ['guardWithSmokeTest'], `${begin}${message}`)] }
}

function fromJson(json: Json): GuardOutcome {
  const { smokeTestRun: run, ...outcome } = json as unknown as GuardOutcome
  if (!run) return { ...outcome, smokeTestRun: null }
  const finishedAt = run.finishedAt && new Date(run.finishedAt)
  return { ...outcome, smokeTestRun: { ...run, startedAt: new Date(run.startedAt), finishedAt } }
}

/** Runs the smoke test; a run that could not be made counts as failed, since it proved nothing. */
async function probe(slot: ProofSlot, { caller }: RequestContext): Promise<{ run: ProofRun | null; reason: string | null }> {
  try {
    const run = await slot.run(caller)
    return { run, reason: run.isOk ? null : reasonOf(run) }
  } catch (error) {
    return { run: null, reason: `the smoke test could not be run: ${error instanceof AppError ? error.message : 'an internal error'}` }
  }
}

/** As short as a reason has to be, however many checks have failed and whatever they are called. */
function reasonOf({ id, results }: ProofRun): string {
  const failed = results.filter(({ status, isBlocking }) => status === 'FAILED' && isBlocking).map(({ name }) => name)
  const more = failed.length > MAX_NAMES ? ` and ${failed.length - MAX_NAMES} more` : ''
  return `smoke test ${id} failed: ${failed.slice(0, MAX_NAMES).join(', ')}${more}`.slice(0, MAX_REASON_LENGTH).toWellFormed()
}
