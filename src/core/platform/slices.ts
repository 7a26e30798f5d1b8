import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long work goes on before everybody else gets a turn, in milliseconds; one item more may come on top of it. */
const SLICE_MS = 4
/** Longer lists begin with a turn of their own, as nobody knows how long the present one has lasted. */
const LONG_LIST = 100

/**
 * Works on items one after the other, in order, and lets the event loop turn before the next one whenever that has taken long: for
 * work of many small parts that must not hold up whatever else the process has to do. There is no turn after the last one: who comes
 * later would overtake. What comes first to a fault rejects the whole.
 */
export async function mapInSlices<T, R>(items: Iterable<T>, work: (item: T, index: number) => R | Promise<R>): Promise<R[]> {
  const results: R[] = []
  if (Array.isArray(items) && items.length > LONG_LIST) await nextTurn()
  let startedAtMs = performance.now()
  for (const item of items) {
    if (performance.now() - startedAtMs >= SLICE_MS) {
      await nextTurn()
      startedAtMs = performance.now()
    }
    const result = work(item, results.length)
    results.push(result instanceof Promise ? await result : result)
  }
  return results
}
