import type { ClassType } from 'type-graphql'
import type { Command } from '../state/command.js'

/** A command that clients may call, and everything that the schema and admin operations need to know of it. */
export interface PackWrite {
  /** Its mutation, which is called like the command. */
  readonly name: string
  readonly command: Command<never, unknown>
  /** The mutation's input class. */
  readonly input: ClassType<object>
  /** What it does as a step of an admin operation, in one sentence; undefined when it cannot be one. */
  readonly step: string | undefined
  /** The resolver class of its mutation. */
  readonly resolver: ClassType<object>
}
