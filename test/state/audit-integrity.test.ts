import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditChain } from '../../src/core/background/audit-chain.js'
import { Retention } from '../../src/core/background/retention.js'
import type { Database } from '../../src/core/database/database.js'
import { Integrity } from '../../src/core/integrity/integrity.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { settingsOf } from '../testkit/api-clients.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { AUDIT_KEY, COLLECTIONS, openTestLedger, run } from '../testkit/ledger.js'

const DAY_MS = 86_400_000

describe.each(ENGINES)('the check of the change log on %s', (engine) => {
  let database: Database
  let ledger: Ledger
  let check: Integrity
  let clock: HandClock

  beforeEach(async () => {
    clock = new HandClock()
    database = await openTestDatabase(engine)
    await new AuditChain(database, AUDIT_KEY).open()
    ledger = await openTestLedger(database, { clock })
    const settings = { ...settingsOf({ NODE_ENV: 'test' }), auditKey: AUDIT_KEY }
    check = new Integrity({ changeLog: new ChangeLog(database), collections: COLLECTIONS, settings, database, clock })
    for (let day = 1; day <= 6; day += 1) {
      await run(ledger, setFeatureFlag, { key: 'a', description: `day ${day}` })
      clock.pass(DAY_MS)
    }
  })

  afterEach(async () => {
    await ledger.close()
    await database.close()
  })

  const shorten = (days: number) =>
    new Retention({ database, clock, log: pino({ level: 'silent' }), days: { changes: days, auditEvents: 0 }, auditKey: AUDIT_KEY }).run()

  /** A row that the ledger never wrote, made from the newest one. */
  const forge = (revision: number) =>
    database.pool.query(
      `INSERT INTO changes SELECT f.* FROM changes c, json_populate_record(c, json_build_object('revision', $1::int)) f
       WHERE c.revision = (SELECT max(revision) FROM changes)`,
      [revision],
    )

  const verdict = async () => {
    const { isIntact, firstBrokenRevision, checkedRevisions } = await check.checkAll()
    return { isIntact, firstBrokenRevision, checkedRevisions }
  }

  it.each([7, 500])('finds a row that was put behind the head: %i', async (revision) => {
    expect(await verdict()).toEqual({ isIntact: true, firstBrokenRevision: null, checkedRevisions: 6 })
    await forge(revision)
    expect(await verdict()).toEqual({ isIntact: false, firstBrokenRevision: revision, checkedRevisions: 6 })
  })

  it.each([0, -1])('finds a row that was put before the first revision: %i', async (revision) => {
    await forge(revision)
    expect(await verdict()).toEqual({ isIntact: false, firstBrokenRevision: revision, checkedRevisions: 6 })
  })

  it.each([1, 3])('finds a row that was put where the log was shortened: %i', async (revision) => {
    expect((await shorten(3)).changes).toBe(3)
    expect(await verdict()).toEqual({ isIntact: true, firstBrokenRevision: null, checkedRevisions: 3 })
    await forge(revision)
    expect(await verdict()).toEqual({ isIntact: false, firstBrokenRevision: revision, checkedRevisions: 3 })
  })

  it('names the first of several faults', async () => {
    await forge(500)
    await database.pool.query("UPDATE changes SET reason = 'forged' WHERE revision = 4")
    expect(await verdict()).toEqual({ isIntact: false, firstBrokenRevision: 4, checkedRevisions: 3 })
  })

  it('takes no commit and no shortening of the log for a fault that happens meanwhile', async () => {
    let isWriting = true
    const writing = (async () => {
      for (let round = 0; round < 60; round += 1) {
        await run(ledger, setFeatureFlag, { key: 'a', description: `round ${round}` })
        clock.pass(DAY_MS / 10)
        if (round % 10 === 9) await shorten(1)
      }
      isWriting = false
    })()
    const verdicts = new Set<boolean>()
    let checks = 0
    for (; isWriting; checks += 1) verdicts.add((await check.checkAll()).isIntact)
    await writing
    expect([...verdicts]).toEqual([true])
    expect(checks).toBeGreaterThan(3)
  })
})
