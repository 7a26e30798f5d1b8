import pg from 'pg'
import type { DatabaseLog } from '../database.js'
import { END_WAIT_MS } from '../end-client.js'
import { endsWithin } from '../within.js'

const STATEMENT_TIMEOUT_MS = 5000
/** For a server that does not answer at all: a little after it should have given up by itself. */
const QUERY_TIMEOUT_MS = 6000
const CLOSE_WAIT_MS = 5000

/** A pool and how it is ended. */
export interface PostgresPool {
  readonly pool: pg.Pool
  /** Waits for those who use a connection, then for the goodbyes, but for neither without end. */
  end(): Promise<void>
}

/** Settings of {@link openPool}. */
export interface PoolOptions {
  readonly config: pg.ClientConfig
  /** Whether statements are sent without waiting for the answers to those before them; a failed one does not keep the next from being carried out. */
  readonly isPipelined?: boolean
  /** The most connections that it holds. */
  readonly max: number
  readonly log: DatabaseLog
  /** Limits of the server's for this pool alone. */
  readonly limits?: Pick<pg.ClientConfig, 'lock_timeout' | 'idle_in_transaction_session_timeout'>
}

/** A pool of connections whose statements all have a limit. */
export function openPool({ config, max, log, limits = {}, isPipelined = false }: PoolOptions): PostgresPool {
  const timeouts = { statement_timeout: STATEMENT_TIMEOUT_MS, query_timeout: QUERY_TIMEOUT_MS, ...limits }
  const options: pg.PoolConfig & { readonly pipeline: boolean } = { ...config, ...timeouts, max, pipeline: isPipelined }
  const pool = new pg.Pool(options)
  const clients = new Set<pg.Client>()
  // A connection may break while nobody is looking at it; without these listeners that would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'))
  pool.on('connect', (client) => {
    clients.add(client)
    client.on('error', () => undefined)
    client.on('end', () => clients.delete(client))
  })
  const end = async () => {
    const isIdle = await endsWithin(pool.end(), CLOSE_WAIT_MS)
    if (!isIdle) log.warn({}, 'the database is closed although connections are still in use')
    // The pool itself does not wait for the server's goodbye, which never comes when the network swallows it.
    await endsWithin(
      Promise.all([...clients].map((client) => new Promise<void>((resolve) => client.once('end', () => resolve())))),
      END_WAIT_MS,
    )
    for (const client of clients) client.connection.stream.destroy()
  }
  return { pool, end }
}
