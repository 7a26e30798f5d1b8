import { DatabaseAwayError, unavailable } from '../database/database-error.js'
import type { Write, WriteOutcome } from '../state/write.js'
import type { Evaluation, Pending } from './batch.js'
import { Patience } from './patience.js'

/** Most commands that land in one transaction. */
const MAX_BATCH = 256

/**
 * Commands that wait to be committed, in their order, and those that have been taken to be. A caller who has waited long
 * enough withdraws a command that waits; one that was taken may yet land.
 */
export class WaitingCommands {
  readonly #writeTimeoutMs: number
  readonly #patience = new Patience()
  readonly #queue: Pending[] = []
  #taken: readonly Pending[] = []
  /** How many are to be committed one by one, to find the one whose data the database refuses. */
  #alone = 0

  /** After so many milliseconds a caller is told UNAVAILABLE. */
  constructor(writeTimeoutMs: number) {
    this.#writeTimeoutMs = writeTimeoutMs
  }

  get length(): number {
    return this.#queue.length
  }

  /** Puts a command in line; its outcome. */
  add<I extends object, O>(write: Write<I, O>, inputHash: string | null): Promise<WriteOutcome<O>> {
    return new Promise<WriteOutcome<O>>((resolve, reject) => {
      const pending: Pending = {
        write: write as unknown as Write<object, unknown>,
        inputHash,
        settle: (outcome) => {
          stopWaiting()
          resolve(outcome as WriteOutcome<O>)
        },
        fail: (error) => {
          stopWaiting()
          reject(error)
        },
      }
      const stopWaiting = this.#patience.limit(this.#writeTimeoutMs, () => this.#giveUp(pending))
      this.#queue.push(pending)
    })
  }

  /** Those that are next; none of them is taken yet. */
  next(): readonly Pending[] {
    return this.#queue.slice(0, this.#alone > 0 ? 1 : MAX_BATCH)
  }

  /** Takes those of `next` that still wait. */
  take(next: readonly Pending[]): readonly Pending[] {
    const waiting = new Set(this.#queue.slice(0, next.length))
    this.#taken = next.filter((pending) => waiting.has(pending))
    this.#queue.splice(0, this.#taken.length)
    return this.#taken
  }

  /** Nobody's time passes while it is found out what those that were taken come to. */
  evaluate(work: () => Promise<Evaluation>): Promise<Evaluation> {
    return this.#patience.rest(work)
  }

  /** Those that were taken wait again, before all others. */
  putBack(): void {
    this.#queue.unshift(...this.#taken)
    this.#taken = []
  }

  /** Tells the callers what came of those that were taken. */
  settle({ outcomes }: Pick<Evaluation, 'outcomes'>): void {
    this.#end()
    for (const outcome of outcomes) {
      if ('error' in outcome) outcome.pending.fail(outcome.error)
      else outcome.pending.settle(outcome.result)
    }
  }

  /** Fails those that were taken, or those that would have been next. */
  fail(error: unknown): void {
    if (this.#taken.length === 0) this.take(this.next())
    const taken = this.#taken
    this.#end()
    for (const pending of taken) pending.fail(error)
  }

  /** Has those that were taken committed one by one. False when there is only one of them. */
  separate(): boolean {
    if (this.#taken.length < 2) return false
    this.#alone = this.#taken.length
    this.putBack()
    return true
  }

  #end(): void {
    this.#taken = []
    this.#alone = Math.max(0, this.#alone - 1)
  }

  #giveUp(pending: Pending): void {
    const index = this.#queue.indexOf(pending)
    if (index >= 0) this.#queue.splice(index, 1)
    const landed = index >= 0 ? 'nothing' : 'unknown'
    pending.fail(unavailable(new DatabaseAwayError(`no confirmation within ${this.#writeTimeoutMs} ms`, landed), landed))
  }
}
