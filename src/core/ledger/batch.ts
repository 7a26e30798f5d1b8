import type { Caller } from '../contract/caller.js'
import { AppError } from '../contract/errors.js'
import { mapInSlices } from '../platform/slices.js'
import type { ChangeRecord } from '../state/change.js'
import type { CommandContext } from '../state/command.js'
import { Draft, type DraftChange } from '../state/draft.js'
import type { Snapshot } from '../state/snapshot.js'
import type { Write, WriteOutcome } from '../state/write.js'
import type { CommitBatch, IdempotencyRow } from './commit-statement.js'
import { changeSeal, nextDigest } from './digest.js'

/** How long a first answer is kept for its idempotency key, in hours. */
export const REPLAY_KEY_HOURS = 24

/** A call that waits for its outcome. */
export interface Pending {
  readonly write: Write<object, unknown>
  /** SHA-256 of the input, when the call carries an idempotency key. */
  readonly inputHash: string | null
  settle(outcome: WriteOutcome<unknown>): void
  fail(error: unknown): void
}

/** What a batch comes to, before it is written. */
export interface Evaluation {
  readonly batch: CommitBatch
  /** The state once the batch has landed. */
  readonly snapshot: Snapshot
  readonly outcomes: readonly ({ pending: Pending; result: WriteOutcome<unknown> } | { pending: Pending; error: unknown })[]
}

/** What {@link evaluateBatch} works on. */
export interface BatchInput {
  readonly base: Snapshot
  readonly batch: readonly Pending[]
  /** Kept first answers of the batch's idempotency keys. */
  readonly answers: readonly IdempotencyRow[]
  readonly auditKey: string
  readonly now: Date
  context(caller: Caller): CommandContext
}

const replayMark = (clientId: string, operation: string, key: string): string => JSON.stringify([clientId, operation, key])

/**
 * Runs the commands of a batch one after the other, each on what the ones before it left, each with its own revision. One
 * that is refused or fails leaves nothing behind, and the next one never knows. Takes several turns of the event loop where there is
 * much to do: `base` has to be the newest state until it has ended.
 */
export async function evaluateBatch(input: BatchInput): Promise<Evaluation> {
  const { base } = input
  const run = new BatchRun(input)
  const outcomes = await mapInSlices(input.batch, async (pending) => {
    try {
      return { pending, result: await run.evaluate(pending) }
    } catch (error) {
      return { pending, error }
    }
  })
  const { snapshot, changes, records, idempotency } = run
  const head = { revision: snapshot.revision, digest: snapshot.digest }
  return { batch: { base, head, changes, records: [...records.values()], idempotency }, snapshot, outcomes }
}

/** The first answer to the same key and input; throws IDEMPOTENCY_KEY_REUSED when the key came with another input. */
export function replayedAnswer<I extends object, O>(
  { write, inputHash }: { readonly write: Write<I, O>; readonly inputHash: string | null },
  row: IdempotencyRow,
): WriteOutcome<O> | undefined {
  const { name, replay } = write.command
  if (!replay) return undefined
  if (row.input_hash !== inputHash) {
    const message = `The idempotency key was used for another input of ${name} within the last ${REPLAY_KEY_HOURS} hours. Use a new key for a new operation.`
    throw new AppError('IDEMPOTENCY_KEY_REUSED', message)
  }
  return { ok: true, value: replay.fromJson(row.answer), revision: row.revision, changes: [], isReplay: true }
}

class BatchRun {
  snapshot: Snapshot
  readonly changes: ChangeRecord[] = []
  /** The last word on each record that the batch touches. */
  readonly records = new Map<string, DraftChange>()
  readonly idempotency: IdempotencyRow[] = []
  readonly #input: BatchInput
  readonly #answers: Map<string, IdempotencyRow>

  constructor(input: BatchInput) {
    this.#input = input
    this.snapshot = input.base
    this.#answers = new Map(input.answers.map((row) => [replayMark(row.client_id, row.operation, row.key), row]))
  }

  async evaluate(pending: Pending): Promise<WriteOutcome<unknown>> {
    const { command, caller, input } = pending.write
    const replayed = this.#replay(pending)
    if (replayed) return replayed
    const draft = new Draft(this.snapshot)
    const result = await command.run(draft, input, this.#input.context(caller))
    if (!result.ok) return result
    const pendingChanges = await draft.changesInSlices()
    const changes = await this.#chain(pending, draft)
    const revision = changes.length > 0 ? this.snapshot.revision + 1 : null
    const answer = this.#keep(pending, result.value, revision)
    // From here on nothing can fail: the run takes the command's edits over.
    if (answer) {
      this.#answers.set(replayMark(answer.client_id, answer.operation, answer.key), answer)
      this.idempotency.push(answer)
    }
    const last = changes.at(-1)
    if (last && revision !== null) {
      this.snapshot = draft.toSnapshot({ revision, digest: last.digest })
      this.changes.push(...changes)
      for (const change of pendingChanges) this.records.set(`${change.collection.name}\u0000${change.key}`, change)
    }
    return { ok: true, value: result.value, revision, changes, isReplay: false }
  }

  #replay(pending: Pending): WriteOutcome<unknown> | undefined {
    const { write } = pending
    if (!write.idempotencyKey || !write.command.replay) return undefined
    const row = this.#answers.get(replayMark(write.caller.id, write.command.name, write.idempotencyKey))
    return row && replayedAnswer(pending, row)
  }

  #keep({ write, inputHash }: Pending, value: unknown, revision: number | null): IdempotencyRow | undefined {
    if (!write.idempotencyKey || !write.command.replay || inputHash === null) return undefined
    const { now } = this.#input
    return {
      client_id: write.caller.id,
      operation: write.command.name,
      key: write.idempotencyKey,
      input_hash: inputHash,
      answer: write.command.replay.toJson(value),
      revision,
      created_at: now.toISOString(),
      expires_at: new Date(now.getTime() + REPLAY_KEY_HOURS * 3_600_000).toISOString(),
    }
  }

  async #chain({ write }: Pending, draft: Draft): Promise<ChangeRecord[]> {
    const revision = this.snapshot.revision + 1
    const { auditKey } = this.#input
    let digest = this.snapshot.digest
    return mapInSlices(await draft.changesInSlices(), (change, ordinal) => {
      const { collection, record } = change
      const unsealed = {
        id: `${revision}.${ordinal}`,
        revision,
        ordinal,
        pack: collection.pack,
        targetType: collection.name,
        targetId: change.id,
        targetKey: change.key,
        action: change.action,
        before: change.before,
        after: change.after,
        operation: write.command.name,
        reason: change.reason ?? write.reason ?? null,
        actor: { id: write.caller.id, name: write.caller.name, clientType: write.caller.clientType },
        correlationId: write.correlationId,
        at: this.#input.now,
        isRevertible: write.command.isRevertible,
        revertOf: draft.revertOf,
      }
      const seal = changeSeal(auditKey, unsealed, record ? collection.secretsOf(record) : null)
      const sealed = { ...unsealed, seal }
      digest = nextDigest(auditKey, digest, sealed)
      return { ...sealed, digest }
    })
  }
}
