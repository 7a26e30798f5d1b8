/** However long one turn of the event loop took, no more of it counts than this; milliseconds. */
const SLICE_MS = 100

/**
 * Waits for `work`, but no longer than `timeoutMs`; false when it is still under way then. Its errors pass through. What this
 * process itself is too busy for does not count: it waits for turns of the event loop, in each of which the answer may come.
 */
export async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<false>((resolve) => {
    const wait = (leftMs: number): void => {
      if (leftMs <= 0) resolve(false)
      else timer = setTimeout(() => wait(leftMs - SLICE_MS), Math.min(SLICE_MS, leftMs))
    }
    wait(timeoutMs)
  })
  try {
    return await Promise.race([work.then(() => true), passed])
  } finally {
    clearTimeout(timer)
  }
}
