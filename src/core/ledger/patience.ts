/** How often it looks, in milliseconds. */
const TICK_MS = 50

/** A time that runs. */
interface Limit {
  readonly endsAtMs: number
  end(): void
}

/**
 * How long callers wait for a database. Neither time in which this process itself is too busy to hear an answer counts, nor time
 * in which it works on what it will ask: then the fault is not the database's. So it counts turns of the event loop that are a
 * little apart, and none while it is told to rest.
 */
export class Patience {
  readonly #limits = new Set<Limit>()
  #timer: NodeJS.Timeout | undefined
  #passedMs = 0
  #resting = 0

  /** Calls `end` when `ms` have passed, unless the returned function is called before. */
  limit(ms: number, end: () => void): () => void {
    const limit = { endsAtMs: this.#passedMs + ms, end }
    this.#limits.add(limit)
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
    return () => this.#drop(limit)
  }

  /** Does work that nobody's time is for. */
  async rest<T>(work: () => Promise<T>): Promise<T> {
    this.#resting += 1
    try {
      return await work()
    } finally {
      this.#resting -= 1
    }
  }

  #tick(): void {
    if (this.#resting > 0) return
    this.#passedMs += TICK_MS
    for (const limit of [...this.#limits]) {
      if (limit.endsAtMs > this.#passedMs) continue
      this.#drop(limit)
      limit.end()
    }
  }

  #drop(limit: Limit): void {
    this.#limits.delete(limit)
    if (this.#limits.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
