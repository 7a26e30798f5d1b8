import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../../generated/prisma/client.js'
import { createDatabase, type Database, type DatabaseLog, type DatabaseParts } from '../database.js'
import { endClient } from '../end-client.js'
import { type PreparedDatabase, prepareDatabase } from '../migrate.js'
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

/** Settings of {@link openPostgres}. */
export interface PostgresOptions {
  readonly url: string
  readonly log: DatabaseLog
  /** The most connections that the pool holds; the one that listens and the ledger's two come on top. */
  readonly maxConnections?: number
}

/**
 * Opens a PostgreSQL server's database and applies the migrations.
 *
 * @throws MigrationError; and whatever `pg` says when it cannot connect
 */
export async function openPostgres({ url, log, maxConnections = DEFAULT_MAX_CONNECTIONS }: PostgresOptions): Promise<Database> {
  const config = connectionConfig(url)
  const shared = openPool({ config, max: maxConnections, log })
  const ledgers = openPool({ config, max: LEDGER_CONNECTIONS, log, limits: LEDGER_LIMITS, isPipelined: true })
  const prisma = new PrismaClient({
    adapter: new PrismaPg(shared.pool),
    transactionOptions: { maxWait: CONNECT_TIMEOUT_MS, timeout: TRANSACTION_TIMEOUT_MS },
  })
  const { migrations, version } = await prepare(config, log)
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

/** On a connection of its own: a migration may take longer than any statement of ours. */
async function prepare(config: pg.ClientConfig, log: DatabaseLog): Promise<PreparedDatabase> {
  const client = new pg.Client(config)
  client.on('error', (error) => log.warn({ err: error }, 'the connection that migrates broke'))
  try {
    await client.connect()
    return await prepareDatabase(client)
  } finally {
    await endClient(client)
  }
}
