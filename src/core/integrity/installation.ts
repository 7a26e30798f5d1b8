import type { QueryableDatabase } from '../database/database.js'
import { sealOf } from '../ledger/digest.js'
import { newId } from '../platform/ids.js'
import type { Settings } from '../platform/settings.js'

/** The settings that all who write to a database have to agree on, by the columns that hold their fingerprints. */
const SHARED = { pepper: 'VALHALLA_KEY_PEPPER', audit_key: 'VALHALLA_AUDIT_KEY', environment: 'VALHALLA_ENV' } as const

type Column = keyof typeof SHARED
type Fingerprints = Readonly<Record<Column, string | null>>

const COLUMNS = Object.keys(SHARED) as Column[]

/** Settings that differ from those that the database was written with. The message is one line for whoever started the program. */
export class InstallationError extends Error {
  override readonly name = 'InstallationError'
}

/** The settings whose fingerprints are kept. */
export type InstallationSettings = Pick<Settings, 'keyPepper' | 'auditKey' | 'environmentName'>

/**
 * Compares pepper, audit key and environment with those that the database was written with, and notes what nobody has set before.
 * Only fingerprints are kept: an HMAC with the value as its key, which tells nothing but whether another value is the same.
 *
 * @throws InstallationError that names each setting that differs
 */
export async function checkInstallation(database: QueryableDatabase, settings: InstallationSettings): Promise<void> {
  const { salt, ...kept } = await readInstallation(database)
  const given = fingerprintsOf(settings, salt)
  const different = COLUMNS.filter((column) => kept[column] !== null && kept[column] !== given[column])
  if (different.length > 0) throw new InstallationError(differenceOf(different, given))
  const fresh = COLUMNS.filter((column) => kept[column] === null && given[column] !== null)
  if (fresh.length === 0) return
  await write(database, fresh, { given, isOnlyEmpty: true })
  // Another replica may have been first, with other settings.
  await checkInstallation(database, settings)
}

/** From now on the database belongs to these settings, whatever was there before. */
export async function adoptInstallation(database: QueryableDatabase, settings: InstallationSettings): Promise<void> {
  const { salt } = await readInstallation(database)
  await write(database, COLUMNS, { given: fingerprintsOf(settings, salt), isOnlyEmpty: false })
}

async function readInstallation(database: QueryableDatabase): Promise<Fingerprints & { readonly salt: string }> {
  const read = async () =>
    (await database.ask<Fingerprints & { salt: string }>('SELECT salt, pepper, audit_key, environment FROM installation WHERE id = 1'))
      .rows[0]
  const found = await read()
  if (found) return found
  await database.ask('INSERT INTO installation (id, salt) VALUES (1, $1) ON CONFLICT (id) DO NOTHING', [newId()])
  const made = await read()
  if (!made) throw new Error('the table installation took no row')
  return made
}

async function write(
  database: QueryableDatabase,
  columns: readonly Column[],
  { given, isOnlyEmpty }: { readonly given: Fingerprints; readonly isOnlyEmpty: boolean },
): Promise<void> {
  const sets = columns.map((column, index) => `${column} = ${isOnlyEmpty ? `coalesce(${column}, $${index + 1})` : `$${index + 1}`}`)
  const values = columns.map((column) => given[column])
  await database.ask(`UPDATE installation SET ${sets.join(', ')} WHERE id = 1`, values)
}

function fingerprintsOf({ keyPepper, auditKey, environmentName }: InstallationSettings, salt: string): Fingerprints {
  const of = (value: string | undefined, column: Column): string | null =>
    value === undefined ? null : sealOf(value, 'fingerprint', [column, salt])
  return { pepper: of(keyPepper, 'pepper'), audit_key: of(auditKey, 'audit_key'), environment: of(environmentName, 'environment') }
}

function differenceOf(columns: readonly Column[], given: Fingerprints): string {
  const faults = columns.map((column) => `${SHARED[column]} ${given[column] === null ? 'is not set' : 'is another one'}`)
  return `This database was written with other settings: ${faults.join(', ')}. Set what it was written with; to move it to these settings on purpose, run \`npm run --silent admin:reset -- --yes --adopt-settings\` on the host.`
}
