import type { SmokeCheckStatus } from '../runs/smoke-test.types.js'

/** What a check came to, before the runner adds whose it is. */
export interface Verdict {
  readonly status: SmokeCheckStatus
  readonly statusCode?: number | null
  /** Measured by the runner when it is left out. */
  readonly latencyMs?: number | null
  readonly error?: string | null
}

/** A passed verdict. */
export const PASSED: Verdict = { status: 'PASSED' }

/** A failed verdict; the text says what failed and what to do. */
export function failed(error: string, details: Omit<Verdict, 'status' | 'error'> = {}): Verdict {
  return { ...details, status: 'FAILED', error }
}

/** A verdict on something that was not looked at; the text says why. */
export function skipped(error: string, details: Omit<Verdict, 'status' | 'error'> = {}): Verdict {
  return { ...details, status: 'SKIPPED', error, latencyMs: null }
}
