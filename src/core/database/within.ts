import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for `work`, but no longer than `timeoutMs`; false when it is still under way then. Its errors pass through. */
export async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController()
  const timeout = sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false)
  try {
    return await Promise.race([work.then(() => true), timeout])
  } finally {
    timer.abort()
  }
}
