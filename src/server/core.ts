import { AuditTrail } from '../core/background/audit.js'
import { Retention } from '../core/background/retention.js'
import { UsageMarks } from '../core/background/usage.js'
import type { PermissionsByRole } from '../core/contract/caller.js'
import type { CoreServices } from '../core/contract/core-services.js'
import type { OpenRateLimiter } from '../core/contract/limiter.js'
import { type Bindings, Once } from '../core/contract/once.js'
import type { Pack } from '../core/contract/pack.js'
import { RunningService } from '../core/contract/running-service.js'
import type { Database } from '../core/database/database.js'
import { explainReading } from '../core/database/open.js'
import { ChangeLog } from '../core/ledger/change-log.js'
import { follow } from '../core/ledger/follow.js'
import { Ledger } from '../core/ledger/ledger.js'
import type { Clock } from '../core/platform/clock.js'
import { newId } from '../core/platform/ids.js'
import type { Log } from '../core/platform/log.js'
import type { Settings } from '../core/platform/settings.js'

/** What a core is made of. */
export interface CoreParts {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly database: Database
  readonly packs: readonly Pack[]
  /** What one pack brings to another. */
  readonly bindings: Bindings<CoreServices>
  readonly permissions: PermissionsByRole
  /** Opens what counts calls. Never fails. */
  openLimiter(parts: Pick<CoreParts, 'settings' | 'clock' | 'log' | 'database'>): Promise<OpenRateLimiter>
}

/** A core with its state loaded. */
export interface OpenCore {
  readonly services: CoreServices
  /** Takes no more writes, and waits until those that were accepted have landed. Reads go on. */
  stopWriting(): Promise<void>
  /** Flushes what was counted, and lets go of the database. */
  close(): Promise<void>
}

/** Loads the state from an open database, which it closes when that fails. */
export async function openCore({ packs, bindings, openLimiter, ...parts }: CoreParts): Promise<OpenCore> {
  const { settings, clock, log, database } = parts
  const collections = packs.flatMap((pack) => pack.collections)
  const usage = new UsageMarks({ database, clock, log })
  const audit = new AuditTrail({ database, clock, log, auditKey: settings.auditKey })
  try {
    const ledger = await Ledger.open({ database, collections, clock, log, settings })
    await usage.open()
    const limiter = await openLimiter({ settings, clock, log, database })
    await audit.open()
    const retention = new Retention({
      database,
      clock,
      log,
      days: { changes: settings.changeRetentionDays, auditEvents: settings.auditRetentionDays },
      auditKey: settings.auditKey,
    })
    retention.open()
    const stopFollowing = follow(ledger, database, log)
    const services = servicesOf({ ...parts, ledger, changeLog: new ChangeLog(database), usage, audit, limiter }, packs, bindings)
    return {
      services,
      async stopWriting() {
        await stopFollowing()
        await ledger.close()
      },
      async close() {
        await retention.close()
        await usage.close()
        await limiter.close()
        await audit.close()
        await database.close()
      },
    }
  } catch (error) {
    await database.close()
    throw explainReading(error)
  }
}

/** The services of a server, once its parts are open. */
function servicesOf(
  parts: Omit<CoreServices, 'collections' | 'writes' | 'instanceId' | 'service' | 'once'>,
  packs: readonly Pack[],
  bindings: Bindings<CoreServices>,
): CoreServices {
  const services: CoreServices = {
    ...parts,
    collections: packs.flatMap(({ collections }) => collections),
    writes: new Map(packs.flatMap(({ writes = [] }) => writes).map((write) => [write.name, write])),
    instanceId: newId(),
    service: new RunningService(parts.clock.now()),
    once: (part) => once.get(part),
  }
  const once = new Once(services, bindings)
  return services
}
