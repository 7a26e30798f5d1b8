import type { RequestContext } from '../../core/graphql/context.js'
import type { JsonObject } from '../../core/values/json.js'
import { countPacks, SYSTEM_PACKS } from './pack-registry.js'
import { STATUS_READ, type SystemMetadataRecord } from './system-metadata.collection.js'
import type { SystemStatus } from './system-status.types.js'

/** The status as it is shown: the row and, to those who may see that, how this replica is doing. */
export function viewStatus(row: SystemMetadataRecord, context: RequestContext): SystemStatus {
  const { version, backendComplete, completedAt, notes, updatedAt } = row
  return {
    ...{ version, backendComplete, completedAt, notes, updatedAt },
    packs: SYSTEM_PACKS,
    summary: countPacks(),
    extra: context.caller.permissions.has(STATUS_READ) ? healthOf(context) : {},
    revision: context.snapshot.revision,
  }
}

function healthOf({ core }: RequestContext): JsonObject {
  const { isDatabaseReachable, snapshotAgeMs, revisionLag } = core.ledger.status
  return {
    snapshotAgeSeconds: Math.round(snapshotAgeMs) / 1000,
    isDatabaseReachable,
    databaseEngine: core.database.engine,
    replicaId: core.instanceId,
    revisionLag,
  }
}
