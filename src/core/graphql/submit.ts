import type { UserErrorData } from '../contract/errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Command } from '../state/command.js'
import type { RequestContext } from './context.js'

/** What every write's input may carry besides what its command takes. */
interface Envelope {
  readonly reason?: string | null
  readonly idempotencyKey?: string | null
}

/** What a payload is made of. */
export interface Submitted<O> {
  /** The command's value; null when it was refused. */
  readonly value: O | null
  readonly userErrors: readonly UserErrorData[]
  /** The revision that the call made; null when it was refused or nothing had to change. */
  readonly revision: number | null
  /** Whether this is the kept answer to an earlier call with the same idempotency key. */
  readonly isReplay: boolean
}

/** Commits a command for a resolver; the rest of the answer is read from the state that holds the write. */
export async function submit<I extends object & Envelope, O>(
  ledger: Ledger,
  context: RequestContext,
  { command, input }: { command: Command<I, O>; input: I },
): Promise<Submitted<O>> {
  const outcome = await ledger.commit({
    command,
    input,
    caller: context.caller,
    correlationId: context.requestId,
    reason: input.reason ?? null,
    idempotencyKey: input.idempotencyKey ?? null,
  })
  context.snapshot = ledger.snapshot
  if (!outcome.ok) return { value: null, userErrors: outcome.userErrors, revision: null, isReplay: false }
  return { value: outcome.value, userErrors: [], revision: outcome.revision, isReplay: outcome.isReplay }
}
