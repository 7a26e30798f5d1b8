import { setTimeout as sleep } from 'node:timers/promises'

/** However long one turn of the event loop took, no more of it counts than this; milliseconds. */
const SLICE_MS = 100

/**
 * Waits for `work`, but no longer than `timeoutMs`; false when it is still under way then. Its errors pass through. What this
 * process itself is too busy for does not count: it waits for turns of the event loop, in each of which the answer may come.
 */
export async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController()
  try {
    return await Promise.race([work.then(() => true), passes(timeoutMs, timer.signal)])
  } finally {
    timer.abort()
  }
}

/** False once so much time has passed, or when `signal` says that nobody waits any more. */
async function passes(timeoutMs: number, signal: AbortSignal): Promise<false> {
  for (let leftMs = timeoutMs; leftMs > 0 && !signal.aborted; leftMs -= SLICE_MS) {
    await sleep(Math.min(SLICE_MS, leftMs), undefined, { signal }).catch(() => undefined)
  }
  return false
}
