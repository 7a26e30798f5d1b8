import { setTimeout as wait } from 'node:timers/promises'

/** Shorter than the limit of a test, so that what did not happen is said. */
const LIMIT_MS = 100_000

/** Waits until a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const startedAtMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAtMs > LIMIT_MS) throw new Error(`still not so after ${LIMIT_MS} ms: ${condition}`)
    await wait(5)
  }
}
