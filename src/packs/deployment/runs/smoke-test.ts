import type { ActorRef } from '../../../core/contract/caller.js'

/** How a check ended. */
export const SMOKE_CHECK_STATUSES = ['PASSED', 'FAILED', 'SKIPPED'] as const
export type SmokeCheckStatus = (typeof SMOKE_CHECK_STATUSES)[number]

/** What one check found. */
export interface SmokeCheckOutcome {
  readonly name: string
  readonly status: SmokeCheckStatus
  readonly isBlocking: boolean
  readonly statusCode: number | null
  readonly latencyMs: number | null
  /** What failed and what to do; never the body of an answer. */
  readonly error: string | null
}

/** One run of the smoke test. */
export interface SmokeTestRunRecord {
  readonly id: string
  readonly baseUrl: string
  /** No blocking check failed. */
  readonly isOk: boolean
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly durationMs: number | null
  readonly results: readonly SmokeCheckOutcome[]
  readonly triggeredBy: ActorRef | null
}

/** The right to the one run that a replica does at a time. */
export interface SmokeTestSlot {
  /** Probes this service from outside and keeps the run. Also gives the slot back. */
  run(triggeredBy: ActorRef): Promise<SmokeTestRunRecord>
  /** Gives the slot back without a run. */
  release(): void
}

/** Whoever can prove that the running service works. */
export interface SmokeTester {
  /** Takes the slot; undefined while another run is under way. */
  reserve(): SmokeTestSlot | undefined
}
