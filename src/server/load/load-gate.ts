import type { Caller } from '../../core/contract/caller.js'
import { AppError } from '../../core/contract/errors.js'
import type { Clock } from '../../core/platform/clock.js'
import type { LoadKind, LoadKinds } from './load-kind.js'

/**
 * Operations that may be in flight, by what they wait for. What is answered from memory waits for nothing and needs no bound but
 * that of a turn. Rows: several times the connections of the database's pool, so that none of these is idle, and so few that the
 * last of them has its answer in well under a second. Writes land together. The switches have places of their own.
 */
const MOST_IN_FLIGHT: Readonly<Record<LoadKind, number>> = { memory: Number.POSITIVE_INFINITY, rows: 48, writes: 512, switches: 32 }
/** How long one turn of the event loop may go on beginning operations, in milliseconds: probes wait for its end. */
const TURN_BUDGET_MS = 100
/** So many begin in any turn: a machine that is slow for a moment, or a process that has just started, is no crowd. */
const LEAST_IN_TURN = 64
/** Clients come back after 1 to so many seconds, not all at once. */
const MOST_RETRY_SECONDS = 5
/** Refusals that are told at once, in each second. Clients that wait as they are told never need more; see {@link LoadGate.patience}. */
const TOLD_PER_SECOND = 1_000
const SECOND_MS = 1_000

/** Why an operation is shed. */
export type ShedReason = 'turn' | Exclude<LoadKind, 'memory'>

/** An operation that is not even begun, since there is too much to do. Not audited: nobody was denied anything, and it is many. */
export class OverloadError extends AppError {
  constructor(retryAfterSeconds: number) {
    super('UNAVAILABLE', 'The server has too much to do. Nothing was done; try again after the time that it says.', { retryAfterSeconds })
  }
}

/** Made once, since they are thrown by the thousand. */
const ERRORS: readonly OverloadError[] = Array.from({ length: MOST_RETRY_SECONDS }, (_, index) => new OverloadError(index + 1))

/** Lets in as many operations as can be answered in time, and sheds the rest before they cost anything. */
export class LoadGate {
  /** Operations that were shed, by reason. */
  readonly shed = new Map<ShedReason, number>()
  readonly #inFlight: Record<LoadKind, number> = { memory: 0, rows: 0, writes: 0, switches: 0 }
  readonly #kinds: Pick<LoadKinds, 'maySwitch'>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #turnStartedAtMs: number | undefined
  #begunInTurn = 0
  #told = 0
  #second: Promise<void> | undefined

  constructor(kinds: Pick<LoadKinds, 'maySwitch'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#kinds = kinds
    this.#clock = clock
  }

  /** Operations that have begun and not ended, by what they wait for. */
  get inFlight(): Readonly<Record<LoadKind, number>> {
    return this.#inFlight
  }

  /** Whether this turn of the event loop has gone on for too long to begin anything more in it. */
  get isLate(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (this.#turnStartedAtMs === undefined) {
      this.#turnStartedAtMs = nowMs
      this.#begunInTurn = 0
      setImmediate(() => {
        this.#turnStartedAtMs = undefined
      })
    }
    return this.#begunInTurn >= LEAST_IN_TURN && nowMs - this.#turnStartedAtMs > TURN_BUDGET_MS
  }

  /** Throws OverloadError before a request is read any further, unless its caller might throw a switch. */
  demandCalm(caller: Caller): void {
    if (this.isLate && !this.#kinds.maySwitch(caller)) this.#refuse('turn')
  }

  /** Begins an operation; what it returns is called when it has ended, a second time without effect. Throws OverloadError. */
  begin(kind: LoadKind): () => void {
    if (kind !== 'switches' && this.isLate) this.#refuse('turn')
    if (kind !== 'memory' && this.#inFlight[kind] >= MOST_IN_FLIGHT[kind]) this.#refuse(kind)
    this.#inFlight[kind] += 1
    this.#begunInTurn += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#inFlight[kind] -= 1
    }
  }

  /**
   * What a refusal is held back for. Those of the first second's thousand are told at once. More are many clients that do not wait
   * as they are told: refusing them would be all that is done here, and so they hear of it at the end of the second.
   */
  patience(): Promise<void> {
    this.#second ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#second = undefined
        this.#told = 0
        resolve()
      }, SECOND_MS).unref()
    })
    this.#told += 1
    return this.#told > TOLD_PER_SECOND ? this.#second : Promise.resolve()
  }

  #refuse(reason: ShedReason): never {
    const count = (this.shed.get(reason) ?? 0) + 1
    this.shed.set(reason, count)
    throw ERRORS[count % ERRORS.length] as OverloadError
  }
}
