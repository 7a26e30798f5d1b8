import { existsSync } from 'node:fs'
import type { Database } from './core/database/database.js'
import { embeddedPaths } from './core/database/embedded/template.js'
import { openDatabase } from './core/database/open.js'
import { DatabaseOpenError, showUrl } from './core/database/open-error.js'
import { adoptInstallation, checkInstallation } from './core/integrity/installation.js'
import { Ledger } from './core/ledger/ledger.js'
import { systemClock } from './core/platform/clock.js'
import { EXIT_USAGE, readCommandLine } from './core/platform/command-line.js'
import { createLog } from './core/platform/log.js'
import { readSettings, type Settings } from './core/platform/settings.js'
import { EXIT_BAD_SETTINGS } from './core/platform/settings-help.js'
import { resetAdmin } from './packs/api-clients/first-admin/admin-reset.js'
import { apiClients } from './packs/api-clients/index.js'

const USAGE = 'Usage: npm run --silent admin:reset -- --yes [--adopt-settings] [--reason <text>]'

/** Only the key goes to standard output, so that it can be piped; everything else goes to standard error. */
const say = (line: string): unknown => process.stderr.write(`${line}\n`)

process.exitCode = await main()

async function main(): Promise<number> {
  const line = readCommandLine({
    yes: { type: 'boolean', default: false },
    'adopt-settings': { type: 'boolean', default: false },
    reason: { type: 'string' },
  })
  if (line.asks !== 'run') {
    say(line.asks === 'help' ? USAGE : line.fault)
    return line.asks === 'help' ? 0 : EXIT_USAGE
  }
  const { yes, reason, 'adopt-settings': isAdopting } = line.values
  const result = readSettings()
  if (!result.ok) {
    for (const fault of result.faults) say(fault)
    return EXIT_BAD_SETTINGS
  }
  const { settings } = result
  const place = settings.databaseUrl === undefined ? settings.dataDir : showUrl(settings.databaseUrl)
  if (!yes) {
    say(`This would register one more ADMIN client in ${place}, print its key once, and record that in the change log.`)
    say('With --adopt-settings the database would belong to this pepper, audit key and environment from then on.')
    say('Nothing was done. Add --yes to do it.')
    say(USAGE)
    return EXIT_USAGE
  }
  // A misspelt directory would otherwise become a new database, with an admin that nobody serves.
  if (settings.databaseUrl === undefined && !existsSync(embeddedPaths(settings.dataDir).data)) {
    say(`There is no database in ${place}; VALHALLA_DATA_DIR or DATABASE_URL says where it is.`)
    return 1
  }
  return reset(settings, { reason, isAdopting: isAdopting === true })
}

async function reset(settings: Settings, { reason, isAdopting }: { reason: string | undefined; isAdopting: boolean }): Promise<number> {
  let database: Database | undefined
  try {
    database = await open(settings)
    await (isAdopting ? adoptInstallation : checkInstallation)(database, settings)
    const { client, keyText } = await registerIn(database, settings, reason)
    say(`Registered the ADMIN client "${client.name}" (${client.id}). Its key is shown this once:`)
    process.stdout.write(`${keyText}\n`)
    return 0
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    if (error instanceof DatabaseOpenError && error.fault === 'IN_USE') say('Stop the server, run this again, then start the server.')
    return 1
  } finally {
    await database?.close()
  }
}

function open(settings: Settings): Promise<Database> {
  const { databaseUrl, dataDir, diskReserveBytes } = settings
  return openDatabase({ databaseUrl, dataDir, reserveBytes: diskReserveBytes, log: warnings(settings), clock: systemClock })
}

async function registerIn(database: Database, settings: Settings, reason: string | undefined) {
  const ledger = await Ledger.open({
    database,
    collections: apiClients.collections,
    clock: systemClock,
    log: warnings(settings),
    settings,
  })
  try {
    return await resetAdmin({ ledger, settings, reason })
  } finally {
    await ledger.close()
  }
}

function warnings(settings: Settings) {
  return createLog({ ...settings, logLevel: 'warn' }, process.stderr)
}
