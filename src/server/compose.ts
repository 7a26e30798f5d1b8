import { SYSTEM_CALLER } from '../core/contract/caller.js'
import { explainReading, openDatabase, waitForDatabase } from '../core/database/open.js'
import { checkInstallation } from '../core/integrity/installation.js'
import { type Clock, systemClock } from '../core/platform/clock.js'
import { createLog, type Log } from '../core/platform/log.js'
import type { Settings } from '../core/platform/settings.js'
import { CONNECTION_LIMITS, type ConnectionLimits } from './connection-limits.js'
import { type OpenCore, openCore } from './core.js'
import { SHORTCUTS, type Shortcuts } from './operation/ways.js'
import type { RunningServer } from './serve.js'

/** What may be brought along instead of the usual. */
export interface Overrides {
  readonly clock?: Clock
  readonly log?: Log
  /** What differs from the usual limits of connections. */
  readonly network?: Partial<ConnectionLimits>
  /** What is left out of the ways that do without Apollo or graphql-js. */
  readonly shortcuts?: Partial<Shortcuts>
}

/**
 * Starts the whole server: the one place where its parts are put together.
 *
 * @throws DatabaseOpenError, InstallationError, ListenError or FirstAdminError, with one clear line; whatever was opened is closed again
 */
export async function startServer(
  settings: Settings,
  { clock = systemClock, log = createLog(settings), network = {}, shortcuts = {} }: Overrides = {},
): Promise<RunningServer> {
  // The packs and GraphQL are loaded while the database is being opened, which takes about as long.
  const loading = Promise.all([import('../packs/index.js'), import('./serve.js'), import('../enforcement/rate-limits/rate-limiter.js')])
  loading.catch(() => undefined)
  const { databaseUrl, dataDir, diskReserveBytes } = settings
  const open = async (quietMs: number): Promise<OpenCore> => {
    const database = await openDatabase({ databaseUrl, dataDir, reserveBytes: diskReserveBytes, log, clock, quietMs })
    const checked = checkInstallation(database, settings).then(() => loading)
    const [{ packs, bindings }, { permissionsOf }, { openRateLimiter: openLimiter }] = await checked.catch(async (error: unknown) => {
      await database.close()
      throw explainReading(error)
    })
    return openCore({ settings, clock, log, database, packs, bindings, permissions: permissionsOf(packs), openLimiter })
  }
  const core = await waitForDatabase({ timeoutMs: settings.startTimeoutMs, clock, log }, open)
  const [{ packs }, { serve }] = await loading
  try {
    for (const pack of packs) await pack.prepare?.(core.services, SYSTEM_CALLER)
    return await serve(core, packs, { network: { ...CONNECTION_LIMITS, ...network }, shortcuts: { ...SHORTCUTS, ...shortcuts } })
  } catch (error) {
    await core.stopWriting()
    await core.close()
    throw error
  }
}
