import 'reflect-metadata'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseEngine } from '../../src/core/database/database.js'
import { openDatabase } from '../../src/core/database/open.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import { type ChainVerdict, GENESIS_DIGEST, verifyChain } from '../../src/core/ledger/digest.js'
import { Store } from '../../src/core/ledger/store.js'
import { systemClock } from '../../src/core/platform/clock.js'
import type { ChangeRecord } from '../../src/core/state/change.js'
import type { Snapshot, SnapshotPosition } from '../../src/core/state/snapshot.js'
import type { JsonObject } from '../../src/core/values/json.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { configEntryCollection } from '../../src/packs/config-registry/config-entry.collection.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { packs } from '../../src/packs/index.js'
import { createTestDatabase, silentLog } from '../testkit/databases.js'
import { collect } from '../testkit/ledger.js'
import { replay } from '../testkit/replay.js'

const AUDIT_KEY = 'audit key of the fault tests'
/** Those of every pack: what the server writes at its first start is in the log too. */
const ALL_COLLECTIONS = packs.flatMap(({ collections }) => collections)

/** Where the data of all rounds is. */
export interface Place {
  readonly engine: DatabaseEngine
  readonly adminKey: string
  /** Settings of a server on it. */
  readonly settings: Record<string, string>
  /** Looks at what is stored, by the code, while no server runs. */
  inspect(): Promise<Inspection>
  /** Removes everything. */
  remove(): Promise<void>
}

/** What is stored. */
export interface Inspection {
  readonly head: SnapshotPosition
  /** The whole log, from revision 1 on. */
  readonly log: readonly ChangeRecord[]
  readonly chain: ChainVerdict
  /** Public images of config entries and flags by type and key: as their tables hold them, and as the log leads to them. */
  readonly stored: ReadonlyMap<string, JsonObject>
  readonly replayed: ReadonlyMap<string, JsonObject>
}

/** Makes an empty place. */
export async function makePlace(engine: DatabaseEngine): Promise<Place> {
  const adminKey = generateApiKey('live')
  const common = {
    NODE_ENV: 'production',
    VALHALLA_SHUTDOWN_DELAY_MS: '0',
    VALHALLA_ADMIN_KEY: adminKey,
    VALHALLA_KEY_PEPPER: 'pepper of the fault tests',
    VALHALLA_AUDIT_KEY: AUDIT_KEY,
  }
  if (engine === 'postgresql') {
    const { url, drop } = await createTestDatabase()
    return {
      engine,
      adminKey,
      settings: { ...common, DATABASE_URL: url },
      inspect: () => inspect({ databaseUrl: url, dataDir: '' }),
      remove: drop,
    }
  }
  const root = await mkdtemp(join(tmpdir(), 'valhalla-kill-'))
  const dataDir = join(root, 'data')
  const remove = () => rm(root, { recursive: true, force: true })
  return { engine, adminKey, settings: { ...common, VALHALLA_DATA_DIR: dataDir }, inspect: () => inspect({ dataDir }), remove }
}

async function inspect(where: { readonly databaseUrl?: string; readonly dataDir: string }): Promise<Inspection> {
  const database = await openDatabase({ ...where, reserveBytes: 0, log: silentLog, clock: systemClock })
  try {
    const log = await collect(new ChangeLog(database).stream({}))
    const snapshot = await new Store(database, ALL_COLLECTIONS).loadAll()
    const { revision, digest } = snapshot
    const chain = await verifyChain(AUDIT_KEY, { start: { revision: 0, digest: GENESIS_DIGEST }, head: { revision, digest } }, log)
    return { head: { revision, digest }, log, chain, stored: imagesOf(snapshot), replayed: imagesOf(replay(ALL_COLLECTIONS, log)) }
  } finally {
    await database.close()
  }
}

function imagesOf(snapshot: Snapshot): Map<string, JsonObject> {
  const entries = [...snapshot.view(configEntryCollection).values()].map(
    (record) => [`ConfigEntry ${record.key}`, configEntryCollection.imageOf(record)] as const,
  )
  const flags = [...snapshot.view(featureFlagCollection).values()].map((record) => {
    return [`FeatureFlag ${record.key}`, featureFlagCollection.imageOf(record)] as const
  })
  return new Map([...entries, ...flags])
}
