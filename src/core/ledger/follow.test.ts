import { describe, expect, it, vi } from 'vitest'
import { createTestDatabase, ENGINES, silentLog } from '../../../test/testkit/databases.js'
import { openTestLedger, run } from '../../../test/testkit/ledger.js'
import { until } from '../../../test/testkit/until.js'
import { setFeatureFlag } from '../../packs/feature-flags/feature-flag.commands.js'
import type { RevisionListener } from '../database/database.js'
import { openPostgres } from '../database/postgres/postgres.js'
import { follow } from './follow.js'

describe.runIf(ENGINES.includes('postgresql'))('a replica that follows others', () => {
  it('comes to the last revision of a burst, and of the next one, without a look of its own', async () => {
    const { url, drop } = await createTestDatabase()
    const [near, far] = [await openPostgres({ url, log: silentLog }), await openPostgres({ url, log: silentLog })]
    const [other, ledger] = [await openTestLedger(near), await openTestLedger(far)]
    let listener: RevisionListener | undefined
    const listen = (given: RevisionListener) => {
      listener = given
      return async () => undefined
    }
    // The look every half second never comes.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const stop = follow(ledger, { ...far, listen }, silentLog)
    try {
      for (const last of [3, 6]) {
        for (let revision = last - 2; revision <= last; revision += 1) {
          await run(other, setFeatureFlag, { key: `k${revision}` })
          listener?.onRevision(revision)
          vi.advanceTimersByTime(1)
        }
        vi.advanceTimersByTime(5)
        await until(() => ledger.snapshot.revision === last)
      }
      expect(ledger.snapshot.digest).toBe(other.snapshot.digest)
    } finally {
      vi.useRealTimers()
      await stop()
    }
    await Promise.all([other.close(), ledger.close()])
    await Promise.all([near.close(), far.close()])
    await drop()
  })
})
