import { userError } from '../../../core/contract/errors.js'
import { REPLAY_KEY_HOURS } from '../../../core/ledger/batch.js'
import { revise, seal } from '../../../core/state/collection.js'
import { type Command, type CommandContext, type CommandResult, done, type LongCommand, refused } from '../../../core/state/command.js'
import { Draft } from '../../../core/state/draft.js'
import { createRevertCommand, type RevertInput, type RevertSubject } from '../../../core/state/revert.js'
import type { JsonObject } from '../../../core/values/json.js'
import type { ProofRun } from '../ports.js'
import { type GuardedOperationRecord, guardedOperationCollection } from './guarded-operation.collection.js'

/** How long a process may be silent before another one takes over, in milliseconds: an ordinary run is over long before. */
const LEASE_MS = 10_000

/** Which process proves which operation. */
export interface Claim {
  /** Id of the guarded operation. */
  readonly id: string
  readonly instanceId: string
}

/** What a probe came to. */
export interface Verdict {
  readonly claim: Claim
  /** Null when it could not be run. */
  readonly run: ProofRun | null
}

/** A verdict against an operation: why, as a part of a sentence, and what there is to be put back. */
export interface FailedVerdict extends Verdict {
  readonly failure: string
  readonly subject: RevertSubject
}

/** Notes in the draft of an operation that it is to be proved. */
export function beginProving(draft: Draft, { id, instanceId }: Claim, { caller, now }: CommandContext): void {
  const operation: GuardedOperationRecord = {
    id,
    revision: draft.base.revision + 1,
    status: 'PROVING',
    instanceId,
    leaseUntil: leaseFrom(now),
    smokeTestRun: null,
    message: null,
    revertRevision: null,
    actor: { id: caller.id, name: caller.name, clientType: caller.clientType },
    version: 1,
    createdAt: now,
    updatedAt: now,
  }
  draft.put(guardedOperationCollection, seal(guardedOperationCollection, operation))
}

/** Whether a process may prove an operation: nobody else does, or whoever did has been silent for too long, or is gone. */
export function isOpenTo(operation: GuardedOperationRecord, by: { readonly instanceId: string; readonly isShared: boolean }, now: Date) {
  if (operation.status !== 'PROVING') return false
  // A database that one process at a time can use: whoever had it before is dead.
  return operation.instanceId === by.instanceId || !by.isShared || operation.leaseUntil <= now
}

/** Keeps the right to prove an operation for a while, or takes it over from a process that is gone. */
export const leaseGuardedOperation: Command<Claim & { readonly isShared: boolean }, null> = {
  name: 'leaseGuardedOperation',
  isRevertible: false,
  run(draft, claim, { now }) {
    const operation = draft.get(guardedOperationCollection, claim.id)
    if (!operation || !isOpenTo(operation, claim, now)) return notOpen()
    const patch = { instanceId: claim.instanceId, leaseUntil: leaseFrom(now) }
    draft.put(guardedOperationCollection, revise(guardedOperationCollection, operation, { patch, now }))
    return done(null)
  },
}

/** Makes the command that settles an operation whose smoke test passed. Refused when it is settled, or another process proves it. */
export function createSettleCommand({ claim, run }: Verdict): Command<object, null> {
  return {
    name: 'settleGuardedOperation',
    isRevertible: false,
    run(draft, _input, { now }) {
      const operation = findProvedBy(draft, claim)
      return operation ? settle(draft, operation, { patch: { status: 'HELD', smokeTestRun: toJson(run) }, now }) : notOpen()
    },
  }
}

/**
 * Makes the command that puts back an operation whose smoke test failed, and settles it as that; where it cannot be put back as
 * a whole, it is settled as UNPROVED. Refused as {@link createSettleCommand}'s is.
 */
export function createPutBackCommand({ claim, run, failure, subject }: FailedVerdict): LongCommand<RevertInput, null> {
  const revert = createRevertCommand(subject)
  return {
    name: revert.name,
    isRevertible: revert.isRevertible,
    async run(draft, input, context) {
      const operation = findProvedBy(draft, claim)
      if (!operation) return notOpen()
      const smokeTestRun = toJson(run)
      // On a draft of its own first: one that is refused may have put back some of it.
      const tried = await revert.run(new Draft(draft.base), input, context)
      if (tried.ok) await revert.run(draft, input, context)
      const patch: Partial<GuardedOperationRecord> = tried.ok
        ? { status: 'REVERTED', smokeTestRun, revertRevision: draft.base.revision + 1 }
        : { status: 'UNPROVED', smokeTestRun, message: messageFor(input.revision, failure, tried.userErrors) }
      return settle(draft, operation, { patch, now: context.now })
    },
  }
}

function leaseFrom(now: Date): Date {
  return new Date(now.getTime() + LEASE_MS)
}

function findProvedBy(draft: Draft, { id, instanceId }: Claim): GuardedOperationRecord | undefined {
  const operation = draft.get(guardedOperationCollection, id)
  return operation?.status === 'PROVING' && operation.instanceId === instanceId ? operation : undefined
}

/** Also forgets the operations that were settled so long ago that no idempotency key leads to them any more. */
function settle(
  draft: Draft,
  operation: GuardedOperationRecord,
  change: { readonly patch: Partial<GuardedOperationRecord>; readonly now: Date },
): CommandResult<null> {
  const keptSinceMs = change.now.getTime() - REPLAY_KEY_HOURS * 3_600_000
  for (const { id, status, updatedAt } of [...draft.view(guardedOperationCollection).values()])
    if (status !== 'PROVING' && updatedAt.getTime() < keptSinceMs) draft.delete(guardedOperationCollection, id)
  draft.put(guardedOperationCollection, revise(guardedOperationCollection, operation, change))
  return done(null)
}

function notOpen(): CommandResult<null> {
  return refused(userError('INVALID_STATE', [], 'The operation is settled already, or another process proves it.'))
}

function messageFor(revision: number, failure: string, faults: readonly { readonly message: string }[]): string {
  const begin = `${failure.charAt(0).toUpperCase()}${failure.slice(1)}.`
  const why = faults.map(({ message }) => message).join(' ')
  const advice = `Run the smoke test, and put it back with revertRevision(input: { revision: ${revision} }) if it fails.`
  return `${begin} Revision ${revision} could not be put back, and is in force: ${why} ${advice}`
}

function toJson(run: ProofRun | null): JsonObject | null {
  return JSON.parse(JSON.stringify(run)) as JsonObject | null
}
