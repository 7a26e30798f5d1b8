import { AppError, type UserErrorData, userError } from '../../../core/contract/errors.js'
import type { JsonObject } from '../../../core/values/json.js'
import type { ProofRun } from '../ports.js'
import type { GuardedOperationRecord } from './guarded-operation.collection.js'

/** What the smoke guard made of an operation that was committed. */
export interface GuardOutcome {
  readonly wasReverted: boolean
  readonly smokeTestRun: ProofRun | null
  readonly userErrors: readonly UserErrorData[]
}

/** What an operation that is settled came to. */
export function outcomeOf({ status, smokeTestRun, message }: GuardedOperationRecord): GuardOutcome {
  const userErrors = message === null ? [] : [userError('INVALID_STATE', ['guardWithSmokeTest'], message)]
  return { wasReverted: status === 'REVERTED', smokeTestRun: smokeTestRun && runOf(smokeTestRun), userErrors }
}

/** What is said of an operation whose outcome is kept no longer, though an idempotency key still leads to it. */
export function forgotten(revision: number): GuardOutcome {
  const message = `Revision ${revision} was committed and settled so long ago that what it came to is kept no longer: \`changes\` shows whether it was put back.`
  return { wasReverted: false, smokeTestRun: null, userErrors: [userError('INVALID_STATE', ['guardWithSmokeTest'], message)] }
}

/** The answer while an operation that is committed can be settled by nobody here; `begin` says why, and `until` when that ends. */
export function unsettled(revision: number, { why, cause }: { readonly why: 'database' | 'stopping'; readonly cause?: unknown }): AppError {
  const [begin, end] =
    why === 'database'
      ? ['the database takes no writes, so that what its smoke test came to is not written yet', 'the database is back']
      : ['this replica is shutting down before its smoke test has come to an end', 'a replica is there']
  const message = `Revision ${revision} is committed, and ${begin}. It will be settled by itself once ${end}: held, or put back. The same idempotency key then tells.`
  return new AppError('UNAVAILABLE', message, { retryAfterSeconds: 2, extensions: { revision }, cause })
}

/** The answer to a guarded operation that the database has not confirmed in time. */
export function unconfirmed(cause: unknown): AppError {
  const message =
    'The database did not confirm the write in time, so the operation may or may not have landed. If it has, it will be proved and settled by itself once the database is back: held, or put back. The same idempotency key then tells.'
  return new AppError('UNAVAILABLE', message, { retryAfterSeconds: 2, cause })
}

/** The run that a guarded operation keeps. */
export function runOf(json: JsonObject): ProofRun {
  const run = json as unknown as ProofRun
  return { ...run, startedAt: new Date(run.startedAt), finishedAt: run.finishedAt && new Date(run.finishedAt) }
}
