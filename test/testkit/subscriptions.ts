import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { until } from './until.js'

/** A subscription that is followed over a WebSocket of its own. */
export interface Followed<T> {
  /** What it has brought so far. */
  readonly events: readonly T[]
  /** What ended it, if something did: its codes. */
  readonly faults: readonly unknown[]
  /** Waits until it has brought so many. */
  count(most: number): Promise<readonly T[]>
  stop(): Promise<void>
}

/** Follows a subscription; it stands once this returns. `query` has one root field, whose values are the events. */
export async function followSubscription<T>(url: string, key: string, query: string): Promise<Followed<T>> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: key },
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => undefined,
  })
  const events: T[] = []
  const faults: unknown[] = []
  const iterator = client.iterate<Record<string, T>>({ query })
  const reading = (async () => {
    try {
      for await (const { data, errors } of iterator) {
        if (errors) faults.push(...errors.map(({ extensions }) => extensions?.['code']))
        else events.push(...Object.values(data ?? {}))
      }
    } catch (error) {
      faults.push(...(Array.isArray(error) ? error.map(({ extensions }) => extensions?.code) : [error]))
    }
  })()
  // Answers come in the order of the questions: the subscription stands, or was refused, when this is answered.
  await client.iterate({ query: '{ viewer { role } }' }).next()
  return {
    events,
    faults,
    async count(most) {
      await until(() => events.length >= most)
      return events
    },
    async stop() {
      await iterator.return?.()
      await client.dispose()
      await reading
    },
  }
}
