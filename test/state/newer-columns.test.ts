import { describe, expect, it } from 'vitest'
import { AuditTrail } from '../../src/core/background/audit.js'
import { UsageMarks } from '../../src/core/background/usage.js'
import { Store } from '../../src/core/ledger/store.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { createLog } from '../../src/core/platform/log.js'
import { setConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { deletionOf } from '../testkit/commands.js'
import { ENGINES, openOwnDatabase } from '../testkit/databases.js'
import { AUDIT_KEY, COLLECTIONS, echo, openTestLedger, run, TESTER } from '../testkit/ledger.js'

describe.each(ENGINES)('on %s, a process of this build', (engine) => {
  it('goes on writing when a newer one has added columns to every table', async () => {
    const database = await openOwnDatabase(engine)
    const log = createLog({ logLevel: 'silent' })
    const ledger = await openTestLedger(database)
    const [audit, usage] = [
      new AuditTrail({ database, clock: systemClock, log, auditKey: AUDIT_KEY }),
      new UsageMarks({ database, clock: systemClock, log }),
    ]
    const write = async (suffix: string): Promise<void> => {
      expect(await run(ledger, setFeatureFlag, { key: `a-${suffix}` })).toMatchObject({ ok: true, changes: [{ action: 'CREATE' }] })
      expect(await run(ledger, setFeatureFlag, { key: `a-${suffix}`, isEnabled: false })).toMatchObject({ ok: true })
      expect(await run(ledger, setConfig, { key: `c-${suffix}`, value: 1 })).toMatchObject({ ok: true })
      expect(await run(ledger, deletionOf<'key'>('deleteFeatureFlag'), { key: `a-${suffix}` })).toMatchObject({ ok: true })
      const call = { command: echo, input: { value: 1 }, caller: TESTER, correlationId: 'test', idempotencyKey: `key-of-${suffix}` }
      expect(await ledger.commit(call)).toMatchObject({ ok: true, isReplay: false })
      expect(await ledger.commit(call)).toMatchObject({ ok: true, isReplay: true })
      audit.record({ operation: `audited-${suffix}`, outcome: 'DENIED' })
      usage.touch('flag', `used-${suffix}`)
      await Promise.all([audit.flush(), usage.flush()])
    }
    await write('before')
    const tables = "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'"
    for (const { name } of (await database.pool.query<{ name: string }>(tables)).rows)
      await database.pool.query(`ALTER TABLE ${name} ADD COLUMN added_later TEXT NOT NULL DEFAULT 'x'`)
    await write('after')
    const counted = 'SELECT (SELECT count(*) FROM audit_events)::int AS events, (SELECT count(*) FROM usage_marks)::int AS marks'
    expect((await database.pool.query(counted)).rows).toEqual([{ events: 2, marks: 2 }])
    const loaded = await new Store(database, COLLECTIONS).loadAll()
    expect([loaded.revision, loaded.digest]).toEqual([ledger.snapshot.revision, ledger.snapshot.digest])
    await ledger.close()
    await database.close()
  })
})
