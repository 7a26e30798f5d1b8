import type { ActorRef } from '../../../core/contract/caller.js'
import type { SmokeCheckResult, SmokeTestRun } from './smoke-test.types.js'

/** A run that is under way, and who watches it. */
export class RunProgress {
  readonly id: string
  readonly baseUrl: string
  readonly startedAt: Date
  readonly triggeredBy: ActorRef
  readonly #results: SmokeCheckResult[] = []
  #isFinished = false
  #wakeAll: () => void = () => undefined
  #news: Promise<void>

  constructor({ id, baseUrl, startedAt, triggeredBy }: Pick<RunProgress, 'id' | 'baseUrl' | 'startedAt' | 'triggeredBy'>) {
    this.id = id
    this.baseUrl = baseUrl
    this.startedAt = startedAt
    this.triggeredBy = triggeredBy
    this.#news = this.#nextNews()
  }

  /** Adds what a check has found. */
  add(result: SmokeCheckResult): void {
    this.#results.push(Object.freeze(result))
    this.#wake()
  }

  /** Ends the run; watchers come to their end. */
  finish(finishedAt: Date, durationMs: number): SmokeTestRun {
    this.#isFinished = true
    this.#wake()
    return Object.freeze({ ...this.record, finishedAt, durationMs })
  }

  /** The run as far as it has come. */
  get record(): SmokeTestRun {
    const { id, baseUrl, startedAt, triggeredBy } = this
    const results = Object.freeze([...this.#results])
    const isOk = !results.some(({ status, isBlocking }) => status === 'FAILED' && isBlocking)
    return { id, baseUrl, isOk, startedAt, finishedAt: null, durationMs: null, results, triggeredBy }
  }

  /** Every result, those found already first; ends with the run. */
  async *watch(): AsyncGenerator<SmokeCheckResult, void, undefined> {
    for (let next = 0; ; ) {
      // Taken before the look, so that what happens in between wakes us.
      const news = this.#news
      for (let result = this.#results[next]; result; result = this.#results[next]) {
        next += 1
        yield result
      }
      if (this.#isFinished) return
      await news
    }
  }

  #wake(): void {
    const wake = this.#wakeAll
    this.#news = this.#nextNews()
    wake()
  }

  #nextNews(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeAll = resolve
    })
  }
}
