import type { CoreServices } from '../contract/core-services.js'
import { DatabaseAwayError, unavailable } from '../database/database-error.js'
import { endsWithin } from '../database/within.js'
import { findInputFaults, hashInput } from '../state/input.js'
import type { Write, WriteOutcome } from '../state/write.js'
import { replayedAnswer } from './batch.js'
import { findAnswers } from './store.js'

/**
 * The kept answer to an earlier call with the same idempotency key, for operations that look before they begin. Throws AppError
 * IDEMPOTENCY_KEY_REUSED when the key came with another input, UNAVAILABLE when the database does not tell in the time that a
 * write has.
 */
export async function findKeptAnswer<I extends object, O>(
  { database, clock, settings }: Pick<CoreServices, 'database' | 'clock' | 'settings'>,
  write: Write<I, O>,
): Promise<WriteOutcome<O> | undefined> {
  const { caller, command, idempotencyKey } = write
  // A key or an input that is refused anyway has no answer, and may be nothing that a database can be asked for.
  if (!idempotencyKey || (await findInputFaults(write)).faults.length > 0) return undefined
  const keys = [{ client_id: caller.id, operation: command.name, key: idempotencyKey }]
  const asking = findAnswers(database.ask, keys, clock.now())
  if (!(await endsWithin(asking, settings.writeTimeoutMs)))
    throw unavailable(new DatabaseAwayError(`no answer within ${settings.writeTimeoutMs} ms`, 'nothing'), 'nothing')
  const [row] = await asking
  return row && replayedAnswer({ write, inputHash: await hashInput(write.input) }, row)
}
