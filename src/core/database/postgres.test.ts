import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTestDatabase, ENGINES, silentLog } from '../../../test/testkit/databases.js'
import { startTcpProxy, type TcpProxy } from '../../../test/testkit/tcp-proxy.js'
import { openPostgres } from './postgres.js'
import { followRevisions } from './revision-listener.js'

describe.runIf(ENGINES.includes('postgresql'))('a PostgreSQL server that the network swallows', () => {
  let url: string
  let drop: () => Promise<void>
  let proxy: TcpProxy

  beforeEach(async () => {
    const created = await createTestDatabase()
    drop = created.drop
    const through = new URL(created.url)
    proxy = await startTcpProxy(Number(through.port || 5432))
    through.port = String(proxy.port)
    url = through.href
  })

  afterEach(async () => {
    await proxy.close()
    await drop()
  })

  async function secondsOf(work: () => Promise<unknown>): Promise<number> {
    const startedAtMs = performance.now()
    await work()
    return (performance.now() - startedAtMs) / 1_000
  }

  it('does not keep a listening connection from being stopped', async () => {
    const onReconnect = vi.fn()
    const listener = { onRevision: () => undefined, onReconnect }
    const stop = followRevisions({ config: { connectionString: url, connectionTimeoutMillis: 1_500 }, listener, log: silentLog })
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalled())
    proxy.stall()
    expect(await secondsOf(stop)).toBeLessThan(5)
  })

  it('does not keep the database from being closed, and leaves no connection open', async () => {
    const database = await openPostgres({ url, log: silentLog })
    const onReconnect = vi.fn()
    database.listen({ onRevision: () => undefined, onReconnect })
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalled())
    await Promise.all([database.pool.query('SELECT 1'), database.pool.query('SELECT 1')])
    const connections = openSockets()
    expect(connections).toBeGreaterThan(2)
    proxy.stall()
    expect(await secondsOf(() => database.close())).toBeLessThan(8)
    await vi.waitFor(() => expect(openSockets()).toBeLessThan(connections - 2))
  })

  /** Sockets of this process that keep it running; both ends of the proxy among them. */
  const openSockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
})
