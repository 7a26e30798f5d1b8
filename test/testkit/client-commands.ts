import { SYSTEM_CALLER } from '../../src/core/contract/caller.js'
import type { Command } from '../../src/core/state/command.js'
import { Draft } from '../../src/core/state/draft.js'
import type { Snapshot } from '../../src/core/state/snapshot.js'
import type { ApiClientRecord } from '../../src/packs/api-clients/api-client.js'
import { verifyKey } from '../../src/packs/api-clients/keys/verify-key.js'
import { clientWithKey } from './api-clients.js'
import { commandContext } from './commands.js'

/** When commands run, if not told otherwise. */
export const NOW = new Date('2026-06-01T12:00:00.000Z')
/** A moment so many seconds after another one. */
export const later = (seconds: number, from = NOW): Date => new Date(from.getTime() + seconds * 1000)
/** What the keys are digested with. */
export const PEPPER = 'a pepper of some length'

/** Runs a command at a moment; the state afterwards is that before when it was refused. */
export function runCommand<I extends object, O>(snapshot: Snapshot, command: Command<I, O>, input: I, now = NOW) {
  const draft = new Draft(snapshot)
  const result = command.run(draft, input, commandContext({ caller: SYSTEM_CALLER, now }))
  const changes = draft.changes()
  return { result, changes, snapshot: result.ok ? draft.toSnapshot({ revision: snapshot.revision + 1, digest: '' }) : snapshot }
}

/** Codes and fields of the faults, in order. */
export const faultsOf = ({ result }: ReturnType<typeof runCommand>): string[] =>
  result.ok ? [] : result.userErrors.map(({ code, field }) => `${code} ${field?.join('.') ?? '-'}`)

/** What is said of a key at a moment. */
export const verdictAt = (snapshot: Snapshot, keyText: string, now: Date): string =>
  verifyKey(snapshot, keyText, { now, pepper: PEPPER }).verdict

/** A client of this name. */
export const named = (name: string, changes: Partial<ApiClientRecord> = {}): ApiClientRecord =>
  clientWithKey({ name, ...changes }, PEPPER).client
