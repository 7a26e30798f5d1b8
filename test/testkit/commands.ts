import { newId } from '../../src/core/platform/ids.js'
import type { Command, CommandContext } from '../../src/core/state/command.js'
import { packs } from '../../src/packs/index.js'

/** The command of a write, by the name of its mutation. */
export function commandOf<I extends object, O>(name: string): Command<I, O> {
  const write = packs.flatMap(({ writes = [] }) => writes).find((write) => write.name === name)
  if (!write) throw new Error(`no pack has a write ${name}`)
  return write.command as unknown as Command<I, O>
}

/** What deletes an object by its key. */
export function deletionOf<K extends string>(
  name: string,
): Command<{ readonly [key in K]: string } & { expectedVersion?: number }, string> {
  return commandOf(name)
}

/** What a command is run with. */
export function commandContext(context: Pick<CommandContext, 'caller' | 'now'> & Partial<CommandContext>): CommandContext {
  return { settings: { isSecretValueAllowed: false }, newId, ...context }
}
