/** What was counted for one subject. Times are in milliseconds of whatever clock the counter lives on. */
export interface WindowCount {
  /** Since the current window began. */
  readonly elapsedMs: number
  /** Units taken in the current window, and in the one before. */
  readonly current: number
  readonly previous: number
}

/** A limit: at most `max` units in `windowMs`. */
export interface WindowLimit {
  readonly windowMs: number
  readonly max: number
}

/**
 * Units that count now: those of the current window, and those of the previous one as far as it still reaches into the
 * time of one window before now, taken as if they had been spread evenly over it.
 */
export function usedUnits({ elapsedMs, current, previous }: WindowCount, windowMs: number): number {
  return current + previous * (1 - elapsedMs / windowMs)
}

/** Whether `cost` more units fit: `current + previous * (1 - elapsed / window) + cost <= max`. */
export function fits(count: WindowCount, { windowMs, max }: WindowLimit, cost: number): boolean {
  return usedUnits(count, windowMs) + cost <= max
}

/** What is left, in whole units. */
export function remainingUnits(count: WindowCount, { windowMs, max }: WindowLimit): number {
  return Math.max(0, Math.floor(max - usedUnits(count, windowMs)))
}

/**
 * Milliseconds until `cost` units fit if nothing else is taken: 0 when they do already, null when they never will, since
 * they are more than the limit. Whole milliseconds, rounded up, so that whoever waits that long is let in.
 */
export function waitMs(count: WindowCount, limit: WindowLimit, cost: number): number | null {
  if (fits(count, limit, cost)) return 0
  const { elapsedMs, current, previous } = count
  const { windowMs, max } = limit
  const room = max - cost
  if (room < 0) return null
  // Within this window the previous one fades; otherwise this one has to become the previous one, and fade in its turn.
  const wait =
    current <= room ? windowMs * (1 - (room - current) / previous) - elapsedMs : windowMs - elapsedMs + windowMs * (1 - room / current)
  return Math.floor(wait) + 1
}

/** How windows follow each other: the same rule as in the script for Redis. The first begins with the first unit. */
export interface Window {
  startMs: number
  current: number
  previous: number
}

/** Moves a window on to `nowMs`, in place. One that holds nothing any more begins anew. */
export function advance(window: Window, windowMs: number, nowMs: number): void {
  const windows = Math.floor((nowMs - window.startMs) / windowMs)
  if (windows === 1) {
    window.startMs += windowMs
    window.previous = window.current
    window.current = 0
  } else if (windows > 1) {
    window.previous = 0
    window.current = 0
  }
  // A clock that was set back would hold the window for as long.
  if (nowMs < window.startMs || (window.current === 0 && window.previous === 0)) window.startMs = nowMs
}
