/**
 * The events of `source`, each handed out only after `check` has passed: when it throws, so does `next`, and the source is
 * ended. Can be ended at any time, also while it waits for an event.
 */
export function checkedEvents<T>(source: AsyncIterable<T>, check: () => undefined | Promise<void>): AsyncIterableIterator<T> {
  const events = source[Symbol.asyncIterator]()
  const end = (): void => {
    // A generator that waits for its next event ends only then: nobody waits for it.
    void Promise.resolve(events.return?.()).catch(() => undefined)
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      const result = await events.next()
      if (result.done) return result
      try {
        await check()
      } catch (error) {
        end()
        throw error
      }
      return result
    },
    return() {
      end()
      return Promise.resolve({ done: true, value: undefined })
    },
  }
}

/** Whether something a resolver returned is a source of events. */
export function isEventSource(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
