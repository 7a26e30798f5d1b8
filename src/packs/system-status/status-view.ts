import type { RequestContext } from '../../core/graphql/context.js'
import { countPacks, SYSTEM_PACKS } from './pack-registry.js'
import type { SystemMetadataRecord } from './system-metadata.collection.js'
import type { SystemStatus } from './system-status.types.js'

/** The status as it is shown: the row, and how this replica is doing. */
export function viewStatus(row: SystemMetadataRecord, { core, snapshot }: RequestContext): SystemStatus {
  const { isDatabaseReachable, snapshotAgeMs, revisionLag } = core.ledger.status
  const { version, backendComplete, completedAt, notes, updatedAt } = row
  return {
    ...{ version, backendComplete, completedAt, notes, updatedAt },
    packs: SYSTEM_PACKS,
    summary: countPacks(),
    extra: {
      snapshotAgeSeconds: Math.round(snapshotAgeMs) / 1000,
      isDatabaseReachable,
      databaseEngine: core.database.engine,
      replicaId: core.instanceId,
      revisionLag,
    },
    revision: snapshot.revision,
  }
}
