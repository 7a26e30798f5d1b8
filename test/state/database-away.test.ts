import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
    const url = new URL(created.url)
    proxy = await startTcpProxy(Number(url.port || 5432))
    const farUrl = new URL(created.url)
    farUrl.port = String(proxy.port)
    const direct = await openPostgres({ url: created.url, log: silentLog })
    near = { database: direct, ledger: await openTestLedger(direct) }
    const database = await openPostgres({ url: farUrl.href, log: silentLog })
    const ledger = await openTestLedger(database, { writeTimeoutMs: 2_000 })
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

  for (const failure of ['cut', 'stall'] as const) {
    test(`goes on reading, refuses writes within 2 s, and recovers by itself (${failure})`, async () => {
      await run(far.ledger, setFeatureFlag, { key: 'a' })
      await proxy[failure]()
      const startedAtMs = performance.now()
      await expect(run(far.ledger, setFeatureFlag, { key: 'a', isEnabled: false })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect(performance.now() - startedAtMs).toBeLessThan(2_500)
      expect(enabled(far.ledger)).toBe(true)
      await until(() => !far.ledger.status.isDatabaseReachable)
      await until(() => far.ledger.status.snapshotAgeMs > 1_000)

      await run(near.ledger, setFeatureFlag, { key: 'a', isEnabled: false })
      await proxy.restore()
      await until(() => enabled(far.ledger) === false)
      await until(() => far.ledger.status.isDatabaseReachable && far.ledger.status.snapshotAgeMs < 1_000)
      expect(await run(far.ledger, setFeatureFlag, { key: 'a', isEnabled: true })).toMatchObject({ ok: true })
    })
  }

  test('follows a write of another one within a second, by notification and without it', async () => {
    for (const isEnabled of [true, false, true]) {
      await run(near.ledger, setFeatureFlag, { key: 'a', isEnabled })
      const startedAtMs = performance.now()
      await until(() => enabled(far.ledger) === isEnabled)
      expect(performance.now() - startedAtMs).toBeLessThan(1_000)
    }
  })

  test('takes over a database that was put back to an earlier state', async () => {
    await run(near.ledger, setFeatureFlag, { key: 'a' })
    await until(() => enabled(far.ledger) === true)
    await near.database.pool.query('TRUNCATE changes, feature_flags')
    await near.database.pool.query("UPDATE ledger_head SET revision = 0, digest = repeat('0', 64)")
    await until(() => far.ledger.snapshot.revision === 0)
    expect(enabled(far.ledger)).toBe(undefined)
    expect(await run(far.ledger, setFeatureFlag, { key: 'a' })).toMatchObject({ ok: true, revision: 1 })
  })
})
