import { describe, expect, it } from 'vitest'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { createTestDatabase, ENGINES, silentLog } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'
import { startTcpProxy } from '../testkit/tcp-proxy.js'
import { until } from '../testkit/until.js'

describe.runIf(ENGINES.includes('postgresql'))('a ledger whose connection died without a word', () => {
  it('says that its state may be old, catches up on another connection, and writes', async () => {
    const { url, drop } = await createTestDatabase()
    const proxy = await startTcpProxy(url)
    const [near, far] = [await openPostgres({ url, log: silentLog }), await openPostgres({ url: proxy.url, log: silentLog })]
    const [other, ledger] = [await openTestLedger(near), await openTestLedger(far)]
    await run(other, setFeatureFlag, { key: 'a' })
    proxy.forget()
    const catchingUp = ledger.catchUp()
    await until(() => ledger.status.isDegraded)
    await catchingUp
    expect(ledger.snapshot.view(featureFlagCollection).get('a')).toEqual(other.snapshot.view(featureFlagCollection).get('a'))
    expect(ledger.snapshot.revision).toBe(1)
    await ledger.poll()
    expect(ledger.status).toMatchObject({ isDegraded: false, isDatabaseReachable: true })
    expect(await run(ledger, setFeatureFlag, { key: 'b' })).toMatchObject({ ok: true, revision: 2 })

    await run(other, setFeatureFlag, { key: 'c' })
    proxy.forget()
    await ledger.poll()
    expect(ledger.status.isDatabaseReachable).toBe(true)
    expect(ledger.snapshot.revision).toBe(3)
    await Promise.all([other.close(), ledger.close()])
    await Promise.all([near.close(), far.close()])
    await proxy.close()
    await drop()
  })
})
