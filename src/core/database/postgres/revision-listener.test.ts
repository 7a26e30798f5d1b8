import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENGINES, openTestDatabase, silentLog } from '../../../../test/testkit/databases.js'
import { until } from '../../../../test/testkit/until.js'
import type { Database } from '../database.js'
import { followRevisions } from './revision-listener.js'

/** Collects what a listener hears. */
function recorder() {
  const revisions: number[] = []
  const heard = {
    revisions,
    ups: 0,
    onRevision: (revision: number) => void revisions.push(revision),
    onReconnect: () => {
      heard.ups += 1
    },
  }
  return heard
}

describe.runIf(ENGINES.includes('postgresql'))('following revisions on PostgreSQL', () => {
  let database: Database
  beforeEach(async () => {
    database = await openTestDatabase('postgresql')
  })
  afterEach(() => database.close())

  const notify = (payload: string) => database.pool.query('SELECT pg_notify($1, $2)', ['valhalla_revision', payload])
  const killListeners = async () => {
    const { rowCount } = await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'`,
    )
    return rowCount
  }

  it('reports each revision, in order, and ignores what is none', async () => {
    const heard = recorder()
    const stop = database.listen(heard)
    await until(() => heard.ups === 1)
    for (const payload of ['1', 'x', '', '2']) await notify(payload)
    await until(() => heard.revisions.length === 2)
    expect(heard.revisions).toEqual([1, 2])
    await stop()
  })

  it('comes back by itself when the server ends the connection, and says so', async () => {
    const heard = recorder()
    const stop = database.listen(heard)
    await until(() => heard.ups === 1)
    expect(await killListeners()).toBe(1)
    await until(() => heard.ups >= 2)
    await notify('3')
    await until(() => heard.revisions.length > 0)
    expect(heard.revisions).toEqual([3])
    await stop()
  })

  it('hears nothing after it was stopped', async () => {
    const heard = recorder()
    const stop = database.listen(heard)
    await until(() => heard.ups === 1)
    await stop()
    await notify('4')
    expect(await killListeners()).toBe(0)
    expect(heard.revisions).toEqual([])
  })

  it('goes on when its listener throws', async () => {
    const heard = recorder()
    const faults: string[] = []
    const stop = followRevisions({
      config: { connectionString: database.pool.options.connectionString },
      listener: {
        onReconnect: heard.onReconnect,
        onRevision: (revision) => {
          heard.onRevision(revision)
          throw new Error('boom')
        },
      },
      log: { ...silentLog, error: (_details, message) => void faults.push(message) },
    })
    await until(() => heard.ups === 1)
    await notify('5')
    await notify('6')
    await until(() => heard.revisions.length === 2)
    expect(heard.revisions).toEqual([5, 6])
    expect(faults).toEqual(['a revision could not be handled', 'a revision could not be handled'])
    await stop()
  })

  it('notices a connection that is dead without a word', async () => {
    const heard = recorder()
    const proxy = await startProxy(new URL(database.pool.options.connectionString ?? ''))
    const stop = followRevisions({
      config: { connectionString: proxy.url, query_timeout: 1_000 },
      listener: heard,
      log: silentLog,
      pingEveryMs: 50,
    })
    await until(() => heard.ups === 1)
    proxy.freeze()
    await until(() => heard.ups >= 2)
    await notify('7')
    await until(() => heard.revisions.length > 0)
    expect(heard.revisions).toEqual([7])
    await stop()
    proxy.close()
  })
})

/** A way to the server on which connections can fall silent, as behind a firewall that forgot them. */
async function startProxy(target: URL) {
  const sockets: Socket[] = []
  const server = createServer((inner) => {
    const outer = connect(Number(target.port), target.hostname)
    inner.pipe(outer).pipe(inner)
    for (const socket of [inner, outer]) sockets.push(socket.on('error', () => undefined))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const freeze = () => {
    for (const socket of sockets) socket.unpipe().pause()
  }
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { url: url.href, freeze, close }
}

describe('following revisions on PGlite', () => {
  it('never hears anything, as nobody else can write', async () => {
    const database = await openTestDatabase('pglite')
    const heard = recorder()
    const stop = database.listen(heard)
    await database.pool.query('SELECT pg_notify($1, $2)', ['valhalla_revision', '1'])
    await stop()
    await database.close()
    expect([heard.ups, heard.revisions]).toEqual([0, []])
  })
})

describe('following revisions without a server', () => {
  it('keeps trying, and ends at once when it is told to', async () => {
    const warnings: string[] = []
    const stop = followRevisions({
      config: { connectionString: 'postgresql://nobody@127.0.0.1:1/none' },
      listener: recorder(),
      log: { ...silentLog, warn: (_details, message) => void warnings.push(message) },
    })
    await until(() => warnings.length > 2)
    await stop()
  })
})
