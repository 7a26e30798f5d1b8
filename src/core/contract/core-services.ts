import type { AuditTrail } from '../background/audit.js'
import type { UsageMarks } from '../background/usage.js'
import type { QueryableDatabase } from '../database/database.js'
import type { ChangeLog } from '../ledger/change-log.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Clock } from '../platform/clock.js'
import type { Log } from '../platform/log.js'
import type { Settings } from '../platform/settings.js'
import type { AnyCollection } from '../state/collection.js'
import type { PermissionsByRole } from './caller.js'
import type { RateLimiter } from './limiter.js'
import type { Part } from './once.js'
import type { RunningService } from './running-service.js'
import type { PackWrite } from './write.js'

/** What a server is made of, for whoever answers in it. */
export interface CoreServices {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly database: QueryableDatabase
  readonly ledger: Ledger
  readonly changeLog: ChangeLog
  readonly usage: UsageMarks
  readonly audit: AuditTrail
  /** Counts calls under the rate limits. */
  readonly limiter: RateLimiter
  /** What each role may do, by the declarations of all packs. */
  readonly permissions: PermissionsByRole
  /** The records of all packs. */
  readonly collections: readonly AnyCollection[]
  /** The writes of all packs, by the name of their mutation. */
  readonly writes: ReadonlyMap<string, PackWrite>
  /** Identifies this process among the replicas, until it ends. */
  readonly instanceId: string
  /** This process as others reach it: since when, and (once it listens) where. */
  readonly service: RunningService
  /** What a pack keeps for as long as the server runs: made when it is first asked for, then the same for everybody. */
  once<T>(part: ServerPart<T>): T
}

/** Something that there is once in a server. */
export type ServerPart<T> = Part<CoreServices, T>
