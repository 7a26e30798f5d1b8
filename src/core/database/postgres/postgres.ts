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

/** How long the migrations may take where nobody says it; milliseconds. */
const DEFAULT_PREPARE_MS = 60_000

/** Settings of {@link openPostgres}. */
export interface PostgresOptions {
  readonly url: string
  readonly log: DatabaseLog
  /** How long the migrations may take, the wait for other processes that migrate included; milliseconds. */
  readonly prepareMs?: number | undefined
  /** The most connections that the pool holds; the one that listens and the ledger's two come on top. */
  readonly maxConnections?: number
}

/**
 * Opens a PostgreSQL server's database and applies the migrations.
 *
 * @throws MigrationError; DatabaseOpenError UNREACHABLE when the migrations come to no end; and whatever `pg` says when it cannot connect
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
 * On a connection of its own: a migration may take longer than any statement of ours. Nothing tells one that takes long from a
 * server that has frozen, so that only the time bounds it; what the server has not committed by then, it takes back.
 */
async function prepare(config: pg.ClientConfig, { url, log, prepareMs = DEFAULT_PREPARE_MS }: PostgresOptions): Promise<PreparedDatabase> {
  const client = new pg.Client(config)
  client.on('error', (error) => log.warn({ err: error }, 'the connection that migrates broke'))
  try {
    await client.connect()
    const preparing = prepareDatabase(client)
    if (await endsWithin(preparing, prepareMs)) return await preparing
    throw new DatabaseOpenError(
      'UNREACHABLE',
      `${showUrl(url)}: the migrations came to no end within ${prepareMs} ms. The server has stopped answering, another process holds them up, or they need longer: VALHALLA_START_TIMEOUT_MS`,
    )
  } finally {
    await endClient(client)
  }
}
