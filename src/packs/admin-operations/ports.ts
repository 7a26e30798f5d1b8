import type { ActorRef } from '../../core/contract/caller.js'
import type { CoreServices, ServerPart } from '../../core/contract/core-services.js'
import { port } from '../../core/contract/once.js'
import type { MaintenanceModeName } from '../../core/contract/operation.js'
import type { Snapshot } from '../../core/state/snapshot.js'

/** What a check of a run came to, as far as admin operations look at it. */
export interface ProofResult {
  readonly name: string
  readonly status: string
  readonly isBlocking: boolean
}

/** One run of whatever proves that the service works. */
export interface ProofRun {
  readonly id: string
  /** No blocking check failed. */
  readonly isOk: boolean
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly results: readonly ProofResult[]
}

/** The right to the one run that a replica does at a time. */
export interface ProofSlot {
  /** Probes this service from outside and keeps the run. Also gives the slot back. */
  run(triggeredBy: ActorRef): Promise<ProofRun>
  /** Gives the slot back without a run. */
  release(): void
}

/** Whoever can prove that the running service works. */
export interface Prover {
  /** Takes the slot; undefined while another run is under way. */
  reserve(): ProofSlot | undefined
}

/** Proves guarded operations. */
export const prover: ServerPart<Prover> = port('the prover of guarded operations')

/** What is known of a client: nothing of its key. */
export interface ClientFacts {
  readonly name: string
  readonly isAdmin: boolean
  /** Its key works now. */
  readonly isUsable: boolean
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
}

/** What other packs know of the security of the control plane. */
export interface SecuritySources {
  clients(core: CoreServices, snapshot: Snapshot, now: Date): readonly ClientFacts[]
  maintenanceMode(snapshot: Snapshot, now: Date): MaintenanceModeName
  /** Whether any rule limits calls (one that only watches does not). */
  hasRateLimit(snapshot: Snapshot): boolean
}

/** What the security snapshot is put together from. */
export const securitySources: ServerPart<SecuritySources> = port('the sources of the security snapshot')
