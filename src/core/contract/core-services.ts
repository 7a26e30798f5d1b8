import type { AuditTrail } from '../background/audit.js'
import type { UsageMarks } from '../background/usage.js'
import type { Database } from '../database/database.js'
import type { ChangeLog } from '../ledger/change-log.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Clock } from '../platform/clock.js'
import type { Log } from '../platform/log.js'
import type { Settings } from '../platform/settings.js'
import type { PermissionsByRole } from './caller.js'
import type { RateLimiter } from './limiter.js'
import type { RunningService } from './running-service.js'

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
