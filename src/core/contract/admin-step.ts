import type { ClassType } from 'type-graphql'
import type { Command } from '../state/command.js'
import type { CoreServices } from './core-services.js'

/**
 * A command that can be a step of an admin operation. Its name is that of the mutation which does the same alone, and so is
 * its policy.
 */
export interface AdminStep {
  readonly name: string
  /** The mutation's input class. */
  readonly input: ClassType<object>
  /** What the step does, for the schema: one sentence. */
  readonly description: string
  /** The command, with what it needs from this deployment. */
  command(core: CoreServices): Command<never, unknown>
}
