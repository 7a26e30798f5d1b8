import type { ClassType } from 'type-graphql'
import type { CalledNames } from '../history/called.js'
import type { HistoryTools } from '../history/log-spans.js'
import type { Ledger } from '../ledger/ledger.js'
import type { AnyCollection } from '../state/collection.js'
import type { Command } from '../state/command.js'
import type { Permission } from './caller.js'

/** A command that clients may call, and everything that the schema and admin operations need to know of it. */
export interface PackWrite {
  /** Its mutation, which is called like the command. */
  readonly name: string
  readonly command: Command<never, unknown> | CommandMaker
  /** The mutation's input class. */
  readonly input: ClassType<object>
  /** What it does as a step of an admin operation, in one sentence; undefined when it cannot be one. */
  readonly step: string | undefined
  /** The resolver class of its mutation. */
  readonly resolver: ClassType<object>
}

/** What a command is made from that has to know what once was. */
export interface Past extends HistoryTools {
  readonly ledger: Ledger
  readonly collections: readonly AnyCollection[]
  /** What records are called: the same for all that a call makes. */
  readonly names: CalledNames
}

/** Makes a command for one input, out of what the log says: the command itself looks at its draft alone, as every command does. */
export type CommandMaker = (past: Past, input: never) => Promise<MadeCommand>

/** A command that was made for one input. */
export interface MadeCommand {
  readonly command: Command<object, unknown>
  /** What the caller has to hold to have it done, besides the permission of the mutation. */
  readonly demands: readonly Demand[]
}

/** A permission that the kind of an object asks for. */
export interface Demand {
  readonly targetType: string
  readonly permission: Permission
}
