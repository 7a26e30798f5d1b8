import type { Caller } from '../contract/caller.js'
import type { UserErrorData } from '../contract/errors.js'
import type { Settings } from '../platform/settings.js'
import type { Json } from '../values/json.js'
import type { Draft } from './draft.js'

/** The settings that decide what a command may do. */
export type CommandSettings = Pick<Settings, 'isSecretValueAllowed'>

/** What a command may know besides the state and its input. */
export interface CommandContext {
  readonly caller: Caller
  /** What the deployment allows. */
  readonly settings: CommandSettings
  /** The time of this evaluation; a command that has to be run again on a newer state gets a newer one. */
  readonly now: Date
  /** A new identifier. */
  newId(): string
}

/** What a command answers: its value, or every fault that the caller can mend. */
export type CommandResult<O> =
  | { readonly ok: true; readonly value: O }
  | { readonly ok: false; readonly userErrors: readonly UserErrorData[] }

/**
 * The one way to change state: a pure function from a draft and an input to a result. It may be run more than once for one
 * call (on a newer state, or as a plan), so it must not do anything but edit its draft.
 */
export interface Command<I extends object, O> {
  /** Name of the mutation; recorded as `operation` of its changes. */
  readonly name: string
  /** False when what it did cannot be put back from public images (keys, registrations). */
  readonly isRevertible: boolean
  /** Work that has to wait for something (a secret scan): done once, before the command is queued. Its faults end the call. */
  prepare?(input: I, context: CommandContext): Promise<readonly UserErrorData[]>
  run(draft: Draft, input: I, context: CommandContext): CommandResult<O>
  /** How its first answer is kept for calls with the same idempotency key; without it, the command takes no such key. */
  readonly replay?: { toJson(value: O): Json; fromJson(json: Json): O }
}

/**
 * A command of many parts, which lets others have their turn between them. It is pure like the others: its draft is its own, and
 * nothing else is committed while it is run to be committed.
 */
export interface LongCommand<I extends object, O> extends Omit<Command<I, O>, 'run'> {
  run(draft: Draft, input: I, context: CommandContext): Promise<CommandResult<O>>
}

/** Whatever can be committed. */
export type AnyCommand<I extends object, O> = Command<I, O> | LongCommand<I, O>

/** A successful result. */
export function done<O>(value: O): CommandResult<O> {
  return { ok: true, value }
}

/** A refused result. */
export function refused<O>(...userErrors: readonly UserErrorData[]): CommandResult<O> {
  return { ok: false, userErrors }
}
