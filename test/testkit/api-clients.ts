import { crc32 } from 'node:zlib'
import type { Database } from '../../src/core/database/database.js'
import { Ledger } from '../../src/core/ledger/ledger.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { newId } from '../../src/core/platform/ids.js'
import { createLog, type Log } from '../../src/core/platform/log.js'
import { BASE62 } from '../../src/core/platform/random.js'
import { loadSettings, type Settings } from '../../src/core/platform/settings.js'
import { Draft } from '../../src/core/state/draft.js'
import { Snapshot } from '../../src/core/state/snapshot.js'
import { apiClientCollection } from '../../src/packs/api-clients/api-client.collection.js'
import type { ApiClientRecord } from '../../src/packs/api-clients/api-client.js'
import { apiClients } from '../../src/packs/api-clients/index.js'
import { generateApiKey, parseApiKey, toStoredKey } from '../../src/packs/api-clients/keys/api-key.js'

/** Settings from these variables alone. */
export function settingsOf(env: Record<string, string>): Settings {
  const result = loadSettings(env)
  if (!result.ok) throw new Error(result.faults.join('\n'))
  return result.settings
}

/** A ledger over the API clients alone, and every line that it logs. */
export async function openClientLedger(
  database: Database,
): Promise<{ readonly ledger: Ledger; readonly log: Log; readonly lines: string[] }> {
  const lines: string[] = []
  const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(line) })
  const { collections } = apiClients
  const ledger = await Ledger.open({
    database,
    collections,
    clock: systemClock,
    log,
    settings: settingsOf({ VALHALLA_AUDIT_KEY: 'an audit key for tests', VALHALLA_WRITE_TIMEOUT_MS: '5000' }),
  })
  return { ledger, log, lines }
}

/** A client with a key of its own, and that key. */
export function clientWithKey(
  changes: Partial<ApiClientRecord> = {},
  pepper?: string,
): { readonly client: ApiClientRecord; readonly keyText: string } {
  const keyText = generateApiKey('test')
  const key = parseApiKey(keyText)
  if (!key) throw new Error('a generated key does not parse')
  const at = new Date('2026-01-01T00:00:00.000Z')
  const client: ApiClientRecord = {
    id: newId(),
    name: 'tester',
    clientType: 'SCRIPT',
    role: 'OBSERVER',
    ...toStoredKey(key, pepper),
    previousKeyId: null,
    previousKeyDigest: null,
    previousKeyExpiresAt: null,
    isActive: true,
    description: null,
    expiresAt: null,
    version: 1,
    createdAt: at,
    updatedAt: at,
    ...changes,
  }
  return { client, keyText }
}

/** A well-formed key with the id of another one, and a secret of its own: what somebody would try who has seen an id. */
export function forgedKey(keyText: string): string {
  const id = keyText.split('_')[2]
  const body = generateApiKey('test')
    .replace(/_[0-9A-Za-z]{12}_/, `_${id}_`)
    .slice(0, -7)
  let rest = crc32(body)
  let checksum = ''
  for (; checksum.length < 6; rest = Math.floor(rest / 62)) checksum = `${BASE62[rest % 62]}${checksum}`
  return `${body}_${checksum}`
}

/** A state that holds these clients and nothing else. */
export function snapshotOf(...clients: readonly ApiClientRecord[]): Snapshot {
  const draft = new Draft(Snapshot.empty([apiClientCollection], { revision: 0, digest: '' }))
  for (const client of clients) draft.put(apiClientCollection, client)
  return draft.toSnapshot({ revision: 1, digest: '' })
}
