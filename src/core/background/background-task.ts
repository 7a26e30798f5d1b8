import type { DatabaseLog } from '../database/database.js'

/** What is done in the background. */
export interface BackgroundTaskOptions<T> {
  /** What it does, for the log: "writing audit events". */
  readonly name: string
  readonly everyMs: number
  readonly log: Pick<DatabaseLog, 'info' | 'warn'>
  /** One run; `signal` aborts when the task is to stop. What it throws is logged. */
  work(signal: AbortSignal): Promise<T>
}

/**
 * Work that is done now and then, off everybody's path. There are never two runs at once. A failure is logged once, and
 * once more that it is over; the next run tries again.
 */
export class BackgroundTask<T = void> {
  readonly #options: BackgroundTaskOptions<T>
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<T | undefined> | undefined
  #next: Promise<T | undefined> | undefined
  #isFailing = false

  constructor(options: BackgroundTaskOptions<T>) {
    this.#options = options
  }

  /** Runs from now on, first after `firstMs`. Never keeps the process alive. */
  open(firstMs = this.#options.everyMs): void {
    this.#timer = setTimeout(() => {
      this.open(this.#options.everyMs)
      // A run that takes longer than the time between two is not followed by another one at once.
      if (!this.#running) void this.run()
    }, firstMs)
    this.#timer.unref()
  }

  /** Runs now, or next when a run is under way: that one may not see what this is asked for. Undefined when it failed; never rejects. */
  run(): Promise<T | undefined> {
    this.#next ??= (this.#running ?? Promise.resolve()).then(() => {
      this.#next = undefined
      this.#running = this.#runLogged().finally(() => {
        this.#running = undefined
      })
      return this.#running
    })
    return this.#next
  }

  /** Runs no more, and waits for what is under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopping.abort()
    await (this.#next ?? this.#running)
  }

  /** Runs for the last time. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.run()
  }

  async #runLogged(): Promise<T | undefined> {
    const { name, log, work } = this.#options
    try {
      const result = await work(this.#stopping.signal)
      if (this.#isFailing) log.info({}, `${name} works again`)
      this.#isFailing = false
      return result
    } catch (error) {
      if (!this.#isFailing) log.warn({ err: error }, `${name} failed; it is tried again`)
      this.#isFailing = true
      return undefined
    }
  }
}
