import pino from 'pino'
import { type Caller, SYSTEM_ACTOR } from '../../src/core/contract/caller.js'
import type { Database } from '../../src/core/database/database.js'
import { Ledger } from '../../src/core/ledger/ledger.js'
import { type Clock, systemClock } from '../../src/core/platform/clock.js'
import type { Log } from '../../src/core/platform/log.js'
import type { AnyCollection } from '../../src/core/state/collection.js'
import { type AnyCommand, type Command, done } from '../../src/core/state/command.js'
import type { WriteOutcome } from '../../src/core/state/write.js'
import { configRegistry } from '../../src/packs/config-registry/index.js'
import { featureFlags } from '../../src/packs/feature-flags/index.js'
import { packs } from '../../src/packs/index.js'
import { systemStatus } from '../../src/packs/system-status/index.js'

/** Collections without secrets: for them the log tells everything. */
export const COLLECTIONS: readonly AnyCollection[] = [configRegistry, featureFlags, systemStatus].flatMap(({ collections }) => collections)

/** Key of the digest chain in tests. */
export const AUDIT_KEY = 'audit key of the tests'

/** A caller that may do everything; guards are not part of a ledger. */
export const TESTER: Caller = {
  ...SYSTEM_ACTOR,
  id: 'tester',
  name: 'tester',
  role: 'ADMIN',
  permissions: new Set(packs.flatMap(({ permissions }) => Object.keys(permissions))),
}

/** Opens a ledger as a server would. */
export function openTestLedger(
  database: Database,
  options: {
    clock?: Clock
    collections?: readonly AnyCollection[]
    writeTimeoutMs?: number
    isSecretValueAllowed?: boolean
    log?: Log
  } = {},
): Promise<Ledger> {
  return Ledger.open({
    database,
    collections: options.collections ?? COLLECTIONS,
    clock: options.clock ?? systemClock,
    log: options.log ?? pino({ level: 'silent' }),
    settings: {
      auditKey: AUDIT_KEY,
      writeTimeoutMs: options.writeTimeoutMs ?? 20_000,
      isSecretValueAllowed: options.isSecretValueAllowed ?? false,
    },
  })
}

/** Changes nothing, and answers what it was given; with an idempotency key, the same again. */
export const echo: Command<{ value: number }, number> = {
  name: 'echo',
  isRevertible: false,
  run: (_draft, { value }) => done(value),
  replay: { toJson: (value) => value, fromJson: (json) => Number(json) },
}

/** Commits as {@link TESTER}. */
export function run<I extends object, O>(ledger: Ledger, command: AnyCommand<I, O>, input: I): Promise<WriteOutcome<O>> {
  return ledger.commit({ command, input, caller: TESTER, correlationId: 'test' })
}

/** All items of an asynchronous sequence. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
