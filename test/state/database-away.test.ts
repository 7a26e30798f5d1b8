import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import { follow } from '../../src/core/ledger/follow.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { createTestDatabase, ENGINES, silentLog } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy.js'
import { until } from '../testkit/until.js'

describe.runIf(ENGINES.includes('postgresql'))('with the database away, a replica', () => {
  let drop: () => Promise<void>
  let proxy: TcpProxy
  /** Reaches the database through the proxy. */
  let far: { database: Database; ledger: Ledger; stop: () => Promise<void> }
  /** Reaches it directly. */
  let near: { database: Database; ledger: Ledger }

  beforeEach(async () => {
    const created = await createTestDatabase()
    drop = created.drop
    proxy = await startTcpProxy(created.url)
    const direct = await openPostgres({ url: created.url, log: silentLog })
    near = { database: direct, ledger: await openTestLedger(direct) }
    const database = await openPostgres({ url: proxy.url, log: silentLog })
    const ledger = await openTestLedger(database, { writeTimeoutMs: 300 })
    far = { database, ledger, stop: follow(ledger, database, silentLog) }
  })

  afterEach(async () => {
    await far.stop()
    await far.ledger.close()
    await Promise.all([far.database.close(), near.ledger.close()])
    await near.database.close()
    await proxy.close()
    await drop()
  })

  const enabled = (ledger: Ledger) => ledger.snapshot.view(featureFlagCollection).get('a')?.isEnabled

  /** Whether a write is let through; on a busy machine its time is up too soon. */
  const isWritable = (ledger: Ledger) =>
    run(ledger, setFeatureFlag, { key: 'a', isEnabled: true }).then(
      ({ ok }) => ok,
      () => false,
    )

  for (const failure of ['cut', 'stall'] as const) {
    it(`goes on reading, refuses writes once their time is up, and recovers by itself (${failure})`, async () => {
      await run(near.ledger, setFeatureFlag, { key: 'a' })
      await until(() => enabled(far.ledger) === true)
      await proxy[failure]()
      await expect(run(far.ledger, setFeatureFlag, { key: 'a', isEnabled: false })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect(enabled(far.ledger)).toBe(true)
      await until(() => !far.ledger.status.isDatabaseReachable)
      await until(() => far.ledger.status.snapshotAgeMs > 600)

      await run(near.ledger, setFeatureFlag, { key: 'a', isEnabled: false })
      await proxy.restore()
      await until(() => enabled(far.ledger) === false)
      await until(() => far.ledger.status.isDatabaseReachable && far.ledger.status.snapshotAgeMs < 600)
      await until(() => isWritable(far.ledger))
    })
  }

  it('follows the writes of another one', async () => {
    for (const isEnabled of [true, false, true]) {
      await run(near.ledger, setFeatureFlag, { key: 'a', isEnabled })
      await until(() => enabled(far.ledger) === isEnabled)
    }
  })

  it('takes over a database that was put back to an earlier state', async () => {
    await run(near.ledger, setFeatureFlag, { key: 'a' })
    await until(() => enabled(far.ledger) === true)
    await near.database.pool.query('TRUNCATE changes, feature_flags')
    await near.database.pool.query("UPDATE ledger_head SET revision = 0, digest = repeat('0', 64)")
    await until(() => far.ledger.snapshot.revision === 0)
    expect(enabled(far.ledger)).toBe(undefined)
    await until(() => isWritable(far.ledger))
    expect((await near.database.pool.query('SELECT min(revision)::int AS first FROM changes')).rows).toEqual([{ first: 1 }])
  })
})
