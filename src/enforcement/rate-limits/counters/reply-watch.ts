/** How often waiting replies are looked at, in milliseconds, and how many such looks a reply may take: 250 ms. */
const TICK_MS = 50
const PATIENCE_TICKS = 5

interface Waiting {
  readonly sinceTick: number
  fail(error: Error): void
}

/**
 * Gives up replies that do not come. Time is counted in turns of the event loop that were at least 50 ms apart: while this
 * process itself is busy no time passes, since the reply may be there already, waiting to be read.
 */
export class ReplyWatch {
  readonly #waiting = new Set<Waiting>()
  #tick = 0
  #timer: NodeJS.Timeout | undefined

  /** The reply; rejects when it does not come in time. */
  within<T>(reply: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { sinceTick: this.#tick, fail: reject }
      this.#waiting.add(waiting)
      this.#timer ??= setInterval(() => this.#look(), TICK_MS)
      reply.then(resolve, reject).finally(() => this.#waiting.delete(waiting))
    })
  }

  #look(): void {
    this.#tick += 1
    for (const waiting of this.#waiting) {
      // The oldest come first.
      if (this.#tick - waiting.sinceTick <= PATIENCE_TICKS) break
      this.#waiting.delete(waiting)
      waiting.fail(new Error(`no answer within ${TICK_MS * PATIENCE_TICKS} ms`))
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
