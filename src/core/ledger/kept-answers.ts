import type { QueryableDatabase } from '../database/database.js'
import type { Clock } from '../platform/clock.js'
import { findInputFaults, hashInput } from '../state/input.js'
import type { Write, WriteOutcome } from '../state/write.js'
import type { Json } from '../values/json.js'
import { keptFrom, replayedAnswer } from './batch.js'
import { findAnswers, type IdempotencyRow, KEEP_ANSWERS } from './store.js'

/** What came of a call after its commit. */
export interface Sequel {
  /** The revision that the call made: tells its sequel from that of an earlier call with the same key. */
  readonly revision: number
  readonly sequel: Json
}

/**
 * The first answers that are kept for idempotency keys, for operations that go on after their commit: they look before they
 * begin, and keep what came of it beside the first answer. None of it is state.
 */
export class KeptAnswers {
  readonly #database: QueryableDatabase
  readonly #clock: Clock

  constructor({ database, clock }: { readonly database: QueryableDatabase; readonly clock: Clock }) {
    this.#database = database
    this.#clock = clock
  }

  /**
   * The answer to the first call with this key, if there was one. Throws AppError IDEMPOTENCY_KEY_REUSED when it came with
   * another input, UNAVAILABLE when the database does not answer.
   */
  async find<I extends object, O>(write: Write<I, O>): Promise<WriteOutcome<O> | undefined> {
    // A key or an input that is refused anyway has no answer, and may be nothing that a database can be asked for.
    if (findInputFaults(write).faults.length > 0) return undefined
    const row = await this.#read(write, write.command.name)
    return row && replayedAnswer({ write, inputHash: hashInput(write.input) }, row)
  }

  /** What came of the call with this key that made this revision; undefined when nobody knows. */
  async findSequel<I extends object, O>(write: Write<I, O>, revision: number): Promise<Json | undefined> {
    const row = await this.#read(write, sequelOf(write))
    return row?.revision === revision ? row.answer : undefined
  }

  /** Keeps what came of a call, as long as its first answer. */
  async keepSequel<I extends object, O>(write: Write<I, O>, { revision, sequel }: Sequel): Promise<void> {
    if (!write.idempotencyKey) return
    const place = { client_id: write.caller.id, operation: sequelOf(write), key: write.idempotencyKey }
    const row = { ...place, input_hash: hashInput(write.input), answer: sequel, revision, ...keptFrom(this.#clock.now()) }
    await this.#database.ask(KEEP_ANSWERS, [JSON.stringify([row])])
  }

  async #read<I extends object, O>({ caller, idempotencyKey }: Write<I, O>, operation: string): Promise<IdempotencyRow | undefined> {
    if (!idempotencyKey) return undefined
    const keys = [{ client_id: caller.id, operation, key: idempotencyKey }]
    const [row] = await findAnswers(this.#database.ask, keys, this.#clock.now())
    return row
  }
}

/** No mutation has a name with a space. */
function sequelOf<I extends object, O>({ command }: Write<I, O>): string {
  return `${command.name} sequel`
}
