import { setTimeout as sleep } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../../generated/prisma/client.js'
import { createDatabase, type Database, type DatabaseLog, type DatabaseParts } from '../database.js'
import { endClient } from '../end-client.js'
import { type PreparedDatabase, prepareDatabase } from '../migrate.js'
import { DatabaseOpenError, showUrl } from '../open-error.js'
import { endsWithin } from '../within.js'
import { openPool } from './postgres-pool.js'
import { followRevisions } from './revision-listener.js'

/**
 * In another time zone the adapter would read timestamps wrongly; a commit of the ledger has to wait for another one and
 * then to look again, which READ COMMITTED does, whatever the database's own default is.
 */
const SESSION = '-c TimeZone=UTC -c default_transaction_isolation=read\\ committed'
/** So that a write can fail within two seconds when the server is away. */
const CONNECT_TIMEOUT_MS = 1500
const TRANSACTION_TIMEOUT_MS = 5000
const KEEP_ALIVE_DELAY_MS = 5000
const DEFAULT_MAX_CONNECTIONS = 10
/** The ledger does one thing at a time; the second one is for while a broken first one is being replaced. */
const LEDGER_CONNECTIONS = 2
/**
 * Replicas take turns at committing. One that freezes in the middle of its turn loses it in time for the others to be served before
 * their callers are told that they are not; who waits for a turn does not wait much longer than that either. Milliseconds.
 */
const LEDGER_LIMITS = { idle_in_transaction_session_timeout: 1_500, lock_timeout: 2_500 }

/** How often to ask whether the server still answers while it migrates; milliseconds. */
const LOOK_EVERY_MS = 1_000
/** How long it may answer nobody meanwhile where nobody says it; milliseconds. */
const DEFAULT_QUIET_MS = 30_000

/** Settings of {@link openPostgres}. */
export interface PostgresOptions {
  readonly url: string
  readonly log: DatabaseLog
  /** How long the server may answer nobody while it migrates; milliseconds. */
  readonly quietMs?: number | undefined
  /** The most connections that the pool holds; the one that listens and the ledger's two come on top. */
  readonly maxConnections?: number
}

/**
 * Opens a PostgreSQL server's database and applies the migrations.
 *
 * @throws MigrationError; DatabaseOpenError UNREACHABLE when the server falls silent while it migrates; and whatever `pg` says when it cannot connect
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, log, maxConnections = DEFAULT_MAX_CONNECTIONS } = options
  const config = connectionConfig(url)
  const shared = openPool({ config, max: maxConnections, log })
  const ledgers = openPool({ config, max: LEDGER_CONNECTIONS, log, limits: LEDGER_LIMITS, isPipelined: true })
  const prisma = new PrismaClient({
    adapter: new PrismaPg(shared.pool),
    transactionOptions: { maxWait: CONNECT_TIMEOUT_MS, timeout: TRANSACTION_TIMEOUT_MS },
  })
  const { migrations, version } = await prepare(config, options)
  await prisma.$connect()
  const followers = new Set<() => Promise<void>>()
  const close = async () => {
    await Promise.all([...followers].map((stop) => stop()))
    await prisma.$disconnect()
    await Promise.all([shared.end(), ledgers.end()])
  }
  const parts: DatabaseParts = {
    engine: 'postgresql',
    version,
    prisma,
    pool: shared.pool,
    ledgerPool: ledgers.pool,
    migrations,
    isShared: true,
    assertWritable: async () => undefined,
    listen: (listener) => {
      const stop = followRevisions({ config, listener, log })
      followers.add(stop)
      return async () => {
        followers.delete(stop)
        await stop()
      }
    },
    close,
  }
  return createDatabase(parts, log)
}

/**
 * What all our connections share. As `pg` lets the URL's own `options` replace ours, ours are put behind them.
 */
function connectionConfig(url: string): pg.ClientConfig {
  const connection = new URL(url)
  const options = connection.searchParams.get('options')
  connection.searchParams.set('options', options === null ? SESSION : `${options} ${SESSION}`)
  return {
    connectionString: connection.href,
    application_name: 'valhalla',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
  }
}

/**
 * On a connection of its own: a migration takes as long as it takes, and a server that is left works on and holds up the next start.
 * So what is bounded is silence: while it runs, the server is asked something on another connection, again and again.
 */
async function prepare(config: pg.ClientConfig, { url, log, quietMs = DEFAULT_QUIET_MS }: PostgresOptions): Promise<PreparedDatabase> {
  const client = new pg.Client(config)
  client.on('error', (error) => log.warn({ err: error }, 'the connection that migrates broke'))
  try {
    await client.connect()
    const preparing = prepareDatabase(client)
    while (!(await endsWithin(preparing, LOOK_EVERY_MS))) {
      if (await isAnswering({ ...config, connectionTimeoutMillis: quietMs }, quietMs, preparing)) continue
      throw new DatabaseOpenError(
        'UNREACHABLE',
        `${showUrl(url)}: the server answered nobody for ${quietMs} ms while it was being migrated`,
      )
    }
    return await preparing
  } finally {
    await endClient(client)
  }
}

/** Whether a server answers a question, or has done `work`, within a time. */
async function isAnswering(config: pg.ClientConfig, withinMs: number, work: Promise<unknown>): Promise<boolean> {
  const stopping = new AbortController()
  try {
    return await endsWithin(Promise.race([work, askUntilAnswered(config, stopping.signal)]), withinMs)
  } finally {
    stopping.abort()
  }
}

/** Asks on one connection after the other until there is an answer. A refusal is one, too. */
async function askUntilAnswered(config: pg.ClientConfig, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client(config)
    const giveUp = (): unknown => client.connection.stream.destroy()
    client.on('error', () => undefined)
    signal.addEventListener('abort', giveUp)
    try {
      await client.connect()
      await client.query('SELECT 1')
      return
    } catch (error) {
      if (error instanceof pg.DatabaseError) return
      await sleep(LOOK_EVERY_MS)
    } finally {
      signal.removeEventListener('abort', giveUp)
      await endClient(client)
    }
  }
}
