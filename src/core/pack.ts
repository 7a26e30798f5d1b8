import type { AdminStep } from './admin-step.js'
import type { AuditTrail } from './audit.js'
import type { Caller, Permission, PermissionsByRole, Role } from './caller.js'
import type { Clock } from './clock.js'
import type { Database } from './database/database.js'
import type { RateLimiter } from './limiter.js'
import type { Log } from './log.js'
import type { RunningService } from './running-service.js'
import type { Settings } from './settings.js'
import type { ChangeLog } from './state/change-log.js'
import type { AnyCollection } from './state/collection.js'
import type { Ledger } from './state/ledger.js'
import type { UsageMarks } from './state/usage.js'

/** The nine packs. */
export const PACK_IDS = ['TY', 'TZ', 'UA', 'UB', 'UC', 'UD', 'UE', 'UF', 'W'] as const
export type PackId = (typeof PACK_IDS)[number]

/** What the core gives to every pack when it is built. */
export interface CoreServices {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly database: Database
  readonly ledger: Ledger
  readonly changeLog: ChangeLog
  readonly usage: UsageMarks
  readonly audit: AuditTrail
  /** Counts calls under the rate limits. */
  readonly limiter: RateLimiter
  /** What each role may do, by the declarations of all packs. */
  readonly permissions: PermissionsByRole
  /** Identifies this process among the replicas, until it ends. */
  readonly instanceId: string
  /** This process as others reach it: since when, and (once it listens) where. */
  readonly service: RunningService
}

/** One capability, whole: what it stores, what it can do, who may do it, and how it is asked. */
export interface Pack {
  readonly id: PackId
  readonly collections: readonly AnyCollection[]
  /** Every permission that its operations name, with the least role that holds it. */
  readonly permissions: Readonly<Record<Permission, Role>>
  /** Those of its commands that can be steps of an admin operation. */
  readonly steps?: readonly AdminStep[]
  /** The resolvers, ready to answer; also what they need from the core. */
  resolvers(core: CoreServices): readonly object[]
  /** Writes what has to be there before the first request; called once a start, must do nothing the second time. */
  prepare?(core: CoreServices, system: Caller): Promise<void>
}
