import type { Caller } from '../contract/caller.js'
import type { UserErrorData } from '../contract/errors.js'
import type { ChangeRecord } from './change.js'
import type { AnyCommand } from './command.js'
import type { DraftChange } from './draft.js'

/** One call of a command. */
export interface Write<I extends object, O> {
  readonly command: AnyCommand<I, O>
  readonly input: I
  readonly caller: Caller
  /** Ties every change of one call together. */
  readonly correlationId: string
  readonly reason?: string | null
  readonly idempotencyKey?: string | null
}

/** What a call came to. `revision` is null when nothing had to change. */
export type WriteOutcome<O> =
  | {
      readonly ok: true
      readonly value: O
      readonly revision: number | null
      readonly changes: readonly ChangeRecord[]
      readonly isReplay: boolean
    }
  | { readonly ok: false; readonly userErrors: readonly UserErrorData[] }

/** What a call would do. */
export type Plan<O> =
  | { readonly ok: true; readonly value: O; readonly revision: number; readonly changes: readonly DraftChange[] }
  | { readonly ok: false; readonly userErrors: readonly UserErrorData[] }
