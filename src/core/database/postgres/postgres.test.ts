import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTestDatabase, ENGINES, openTestDatabase, silentLog } from '../../../../test/testkit/databases.js'
import { openTestLedger, run } from '../../../../test/testkit/ledger.js'
import { startTcpProxy, type TcpProxy } from '../../../../test/testkit/tcp-proxy.js'
import { until } from '../../../../test/testkit/until.js'
import { setFeatureFlag } from '../../../packs/feature-flags/feature-flag.commands.js'
import type { Ledger } from '../../ledger/ledger.js'
import type { Database } from '../database.js'
import { showUrl } from '../open-error.js'
import { openPostgres } from './postgres.js'
import { followRevisions } from './revision-listener.js'

describe.runIf(ENGINES.includes('postgresql'))('a PostgreSQL server that the network swallows', () => {
  /** Past the network. */
  let direct: string
  let url: string
  let drop: () => Promise<void>
  let proxy: TcpProxy

  beforeEach(async () => {
    const created = await createTestDatabase()
    drop = created.drop
    direct = created.url
    proxy = await startTcpProxy(direct)
    url = proxy.url
  })

  afterEach(async () => {
    await proxy.close()
    await drop()
  })

  it('does not keep a listening connection from being stopped', async () => {
    const onReconnect = vi.fn()
    const listener = { onRevision: () => undefined, onReconnect }
    const stop = followRevisions({ config: { connectionString: url, connectionTimeoutMillis: 1_500 }, listener, log: silentLog })
    await until(() => onReconnect.mock.calls.length > 0)
    proxy.stall()
    await stop()
  })

  it('does not keep the database from being closed, and leaves no connection open', async () => {
    const others = openSockets()
    const database = await openPostgres({ url, log: silentLog })
    const onReconnect = vi.fn()
    database.listen({ onRevision: () => undefined, onReconnect })
    await until(() => onReconnect.mock.calls.length > 0)
    await Promise.all([database.pool.query('SELECT 1'), database.pool.query('SELECT 1')])
    const connections = openSockets()
    expect(connections).toBeGreaterThan(others + 2)
    proxy.stall()
    await database.close()
    await until(() => openSockets() < connections - 2)
  })

  /** Opens the database, and does `work` while its migrations stand still in the middle. */
  async function whileMigrating(quietMs: number, work: () => Promise<void> | void): Promise<Database> {
    const holder = new pg.Client(direct)
    await holder.connect()
    // A table that is about to be there keeps others from making it.
    await holder.query('BEGIN; CREATE TABLE ledger_head ()')
    const opening = openPostgres({ url, log: silentLog, quietMs })
    opening.catch(() => undefined)
    const waiting = 'SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))'
    await until(async () => (await holder.query(waiting)).rowCount === 1)
    try {
      await work()
      await holder.query('ROLLBACK')
      return await opening
    } finally {
      await holder.end()
    }
  }

  it('does not keep a start in the middle of the migrations', async () => {
    const opening = whileMigrating(1_000, () => proxy.stall())
    await expect(opening).rejects.toMatchObject({
      name: 'DatabaseOpenError',
      fault: 'UNREACHABLE',
      message: `${showUrl(url)}: the server answered nobody for 1000 ms while it was being migrated`,
    })
  })

  it('is waited for while it answers, however long its migrations take', async () => {
    const database = await whileMigrating(1_000, () => sleep(2_500))
    expect(database.migrations.fresh).not.toEqual([])
    await database.close()
  })

  /** Sockets of this process that keep it running; both ends of the proxy among them. */
  const openSockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
})

describe.runIf(ENGINES.includes('postgresql'))('a database whose default is another isolation level', () => {
  it('is used in READ COMMITTED by every connection, and two busy replicas never fail for it', async () => {
    const { url, drop } = await createTestDatabase()
    const first = await openPostgres({ url, log: silentLog })
    await first.pool.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_isolation = 'repeatable read'`)
    const databases = [await openPostgres({ url, log: silentLog }), await openPostgres({ url, log: silentLog })]
    const ledgers = await Promise.all(databases.map((database) => openTestLedger(database)))
    const levels = await Promise.all(
      databases.flatMap(({ pool, ledgerPool }) => [pool, ledgerPool]).map((pool) => pool.query('SHOW transaction_isolation')),
    )
    expect(new Set(levels.map(({ rows }) => rows[0].transaction_isolation))).toEqual(new Set(['read committed']))
    const writes = Array.from({ length: 40 }, async (_, index) => {
      await sleep(index % 7)
      return run(ledgers[index % 2] as Ledger, setFeatureFlag, { key: `k${index}` })
    })
    expect((await Promise.all(writes)).every(({ ok }) => ok)).toBe(true)
    await Promise.all(ledgers.map((ledger) => ledger.close()))
    await Promise.all([first, ...databases].map((database) => database.close()))
    await drop()
  })
})

describe.runIf(ENGINES.includes('postgresql'))('a commit', () => {
  it('does not wait for the questions of others, however many there are and however slow', async () => {
    const database = await openTestDatabase('postgresql')
    const ledger = await openTestLedger(database)
    const holder = new pg.Client(database.pool.options.connectionString)
    await holder.connect()
    await holder.query('SELECT pg_advisory_lock(1)')
    const questions = Array.from({ length: 30 }, () => database.pool.query('SELECT pg_advisory_xact_lock(1)'))
    expect(await run(ledger, setFeatureFlag, { key: 'a' })).toMatchObject({ ok: true })
    await holder.end()
    await Promise.all(questions)
    await ledger.close()
    await database.close()
  })
})
