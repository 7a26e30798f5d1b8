import { afterEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import type { RequestContext } from '../../src/core/graphql/context.js'
import { follow } from '../../src/core/ledger/follow.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { createMaintenanceGate } from '../../src/enforcement/maintenance-gate.js'
import { maintenance } from '../../src/packs/maintenance/index.js'
import { setMaintenanceMode } from '../../src/packs/maintenance/maintenance.commands.js'
import { createTestDatabase, silentLog, usePostgres } from '../testkit/databases.js'
import { openTestLedger, run, TESTER } from '../testkit/ledger.js'
import { until } from '../testkit/until.js'

describe.runIf(await usePostgres())('two replicas on one PostgreSQL', () => {
  const closing: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
  })

  /** A process of its own, as far as state goes. */
  async function openReplica(url: string): Promise<Ledger> {
    const database: Database = await openPostgres({ url, log: silentLog })
    const ledger = await openTestLedger(database, { collections: maintenance.collections })
    const stopFollowing = follow(ledger, database, silentLog)
    closing.push(async () => {
      await stopFollowing()
      await ledger.close()
      await database.close()
    })
    return ledger
  }

  /** Whether the gate of a replica lets a write pass. */
  function isOpen(ledger: Ledger): boolean {
    const gate = createMaintenanceGate({ ledger, clock: systemClock, audit: { record: () => undefined } })
    const policy = { permission: null, writes: true, allowedDuring: 'write', isOverridable: false, cost: 1 } as const
    try {
      return gate({ kind: 'mutation', name: 'setFeatureFlag', policy }, { caller: TESTER } as RequestContext) === undefined
    } catch {
      return false
    }
  }

  it('a mode that one of them sets is in force on the other as well, and gone again', async () => {
    const { url, drop } = await createTestDatabase()
    closing.push(drop)
    const [here, there] = [await openReplica(url), await openReplica(url)]
    for (const mode of ['READ_ONLY', 'NORMAL', 'MAINTENANCE', 'NORMAL'] as const) {
      await run(here, setMaintenanceMode, { mode })
      expect(isOpen(here)).toBe(mode === 'NORMAL')
      await until(() => isOpen(there) === (mode === 'NORMAL'))
    }
  })
})
