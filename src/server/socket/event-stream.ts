import type { ExecutionResult } from 'graphql'

/** What all event streams of the server are doing, for whoever wants to know when nothing is under way. */
export interface StreamActivity {
  /** Streams that are open. */
  open: number
  /** Events that came out of their source and have not been sent yet. */
  delivering: number
}

/**
 * The answers to a subscription: each event of the source, executed when it is taken. Unlike an async generator it can be
 * ended at any time, also while it waits for an event that may never come.
 */
export class EventStream implements AsyncIterableIterator<ExecutionResult> {
  readonly #source: AsyncIterator<unknown>
  readonly #execute: (event: unknown) => ExecutionResult | Promise<ExecutionResult>
  readonly #activity: StreamActivity
  #isEnded = false
  #isDelivering = false
  #endWait: (() => void) | undefined

  constructor(
    source: AsyncIterable<unknown>,
    execute: (event: unknown) => ExecutionResult | Promise<ExecutionResult>,
    activity: StreamActivity,
  ) {
    this.#source = source[Symbol.asyncIterator]()
    this.#execute = execute
    this.#activity = activity
    activity.open += 1
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<ExecutionResult>> {
    this.#setDelivering(false)
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#endWait = () => resolve({ done: true, value: undefined })
      this.#take().then(resolve, (error: unknown) => {
        reject(error)
        this.#end()
      })
    })
  }

  return(): Promise<IteratorResult<ExecutionResult>> {
    this.#end()
    // The source may be waiting for its next event and end only then: nobody waits for it.
    void Promise.resolve(this.#source.return?.()).catch(() => undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  async #take(): Promise<IteratorResult<ExecutionResult>> {
    const { done, value } = await this.#source.next()
    if (done || this.#isEnded) {
      this.#end()
      return { done: true, value: undefined }
    }
    this.#setDelivering(true)
    return { done: false, value: await this.#execute(value) }
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#activity.open -= 1
    this.#setDelivering(false)
    this.#endWait?.()
  }

  #setDelivering(isDelivering: boolean): void {
    if (this.#isDelivering === isDelivering) return
    this.#isDelivering = isDelivering
    this.#activity.delivering += isDelivering ? 1 : -1
  }
}
