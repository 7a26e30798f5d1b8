import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Retention } from '../../src/core/background/retention.js'
import type { Database } from '../../src/core/database/database.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import { verifyChain } from '../../src/core/ledger/digest.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { AUDIT_KEY, collect, openTestLedger, run } from '../testkit/ledger.js'

const DAY_MS = 86_400_000

describe.each(ENGINES)('the log on %s, shortened', (engine) => {
  let database: Database
  let ledger: Ledger
  let nowMs = Date.parse('2030-01-01T00:00:00Z')
  const clock = { now: () => new Date(nowMs), monotonicMs: () => systemClock.monotonicMs() }

  beforeEach(async () => {
    nowMs = Date.parse('2030-01-01T00:00:00Z')
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database, { clock })
    for (let day = 0; day < 10; day += 1) {
      await Promise.all(['a', 'b', 'c'].map((key) => run(ledger, setFeatureFlag, { key, description: `day ${day}` })))
      nowMs += DAY_MS
    }
  })

  afterEach(async () => {
    await ledger.close()
    await database.close()
  })

  const retention = (changes: number) =>
    new Retention({ database, clock, log: pino({ level: 'silent' }), days: { changes, auditEvents: 0 }, auditKey: AUDIT_KEY })
  const verify = async () => {
    const log = new ChangeLog(database)
    const bounds = await log.bounds()
    return { start: bounds.start.revision, verdict: await verifyChain(AUDIT_KEY, bounds, log.stream({})) }
  }

  it('keeps what is young enough, verifies from its checkpoint, and goes on from there', async () => {
    expect(await retention(3).run()).toEqual({ changes: 21, auditEvents: 0, answers: 0 })
    expect(await verify()).toMatchObject({ start: 21, verdict: { isIntact: true, checkedRevisions: 9, firstBrokenRevision: null } })
    await run(ledger, setFeatureFlag, { key: 'a', description: 'later' })
    expect(await verify()).toMatchObject({ start: 21, verdict: { isIntact: true, checkedRevisions: 10 } })
    expect(await retention(3).run()).toEqual({ changes: 0, auditEvents: 0, answers: 0 })
    const again = await openTestLedger(database, { clock })
    expect(again.snapshot.revision).toBe(31)
    await again.close()
  })

  it('never takes the newest revision away, however old it is', async () => {
    nowMs += 1_000 * DAY_MS
    await retention(1).run()
    expect((await collect(new ChangeLog(database).stream({}))).map(({ revision }) => revision)).toEqual([30])
    expect((await verify()).verdict.isIntact).toBe(true)
  })

  it('finds tampering behind the checkpoint, and a forged checkpoint', async () => {
    await retention(3).run()
    await database.pool.query("UPDATE changes SET reason = 'forged' WHERE revision = 25")
    expect((await verify()).verdict).toMatchObject({ isIntact: false, firstBrokenRevision: 25 })
    await database.pool.query('UPDATE changes SET reason = NULL WHERE revision = 25')
    expect((await verify()).verdict.isIntact).toBe(true)
    await database.pool.query('DELETE FROM changes WHERE revision = 22')
    await database.pool.query('UPDATE ledger_checkpoint SET revision = 22')
    expect((await verify()).verdict).toMatchObject({ isIntact: false, firstBrokenRevision: 23 })
  })

  it('a look behind what was taken away is refused with where to go on', async () => {
    await retention(3).run()
    const log = new ChangeLog(database)
    await expect(log.demandKept({ sinceRevision: 20 })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      extensions: { firstSinceRevision: 21 },
    })
    await log.demandKept({ sinceRevision: 21 })
    await log.demandKept({})
  })

  it('a replica that is behind the checkpoint loads the state anew', async () => {
    const behind = await openTestLedger(database, { clock })
    await Promise.all(['a', 'b'].map((key) => run(ledger, setFeatureFlag, { key, isEnabled: false })))
    nowMs += 10 * DAY_MS
    await run(ledger, setFeatureFlag, { key: 'c', isEnabled: false })
    await retention(3).run()
    await behind.catchUp()
    expect(behind.snapshot.revision).toBe(ledger.snapshot.revision)
    await behind.close()
  })
})
