/** Says to whoever follows that there is something new. Runs only while somebody follows. */
export class Signals {
  readonly #start: () => () => void
  readonly #followers = new Set<Signal>()
  #stop: () => void = () => undefined

  /** `start` is called when the first one follows, and what it returns when the last one leaves. */
  constructor(start: () => () => void) {
    this.#start = start
  }

  /** How many follow. */
  get followers(): number {
    return this.#followers.size
  }

  /** A signal at once, then one after each {@link raise}. Signals that are not taken in time become one: what counts is what is there then. */
  follow(): AsyncIterableIterator<true> {
    const signal = new Signal(() => {
      if (this.#followers.delete(signal) && this.#followers.size === 0) this.#stop()
    })
    this.#followers.add(signal)
    if (this.#followers.size === 1) this.#stop = this.#start()
    return signal
  }

  raise(): void {
    for (const signal of this.#followers) signal.raise()
  }
}

/** Signals for one follower, who can leave at any time, also while it waits. Holds at most one signal that was not taken. */
class Signal implements AsyncIterableIterator<true> {
  readonly #leave: () => void
  #isRaised = true
  #isEnded = false
  #waiting: ((result: IteratorResult<true>) => void) | undefined

  constructor(leave: () => void) {
    this.#leave = leave
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  raise(): void {
    this.#isRaised = true
    this.#deliver()
  }

  next(): Promise<IteratorResult<true>> {
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#deliver()
    })
  }

  return(): Promise<IteratorResult<true>> {
    this.#isEnded = true
    this.#deliver()
    this.#leave()
    return Promise.resolve({ done: true, value: undefined })
  }

  #deliver(): void {
    if (!this.#waiting || !(this.#isRaised || this.#isEnded)) return
    const resolve = this.#waiting
    this.#waiting = undefined
    this.#isRaised = false
    resolve(this.#isEnded ? { done: true, value: undefined } : { done: false, value: true })
  }
}

/** What `read` has to tell after each signal, one after the other. Can be left at any time, also while it waits for a signal. */
export function eventsAfter<T>(signal: AsyncIterableIterator<true>, read: () => AsyncIterable<T> | Iterable<T>): AsyncIterableIterator<T> {
  async function* all(): AsyncGenerator<T, void, undefined> {
    for await (const _ of signal) yield* read()
  }
  const events = all()
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () => events.next(),
    return: () => {
      // A generator that waits does not hear of a return before its next value: end what it waits for.
      void signal.return?.()
      return events.return()
    },
  }
}
