import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuditTrail } from '../../src/core/background/audit.js'
import { Retention, type RetentionDays } from '../../src/core/background/retention.js'
import { AppError } from '../../src/core/contract/errors.js'
import type { Database } from '../../src/core/database/database.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { createLog } from '../../src/core/platform/log.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { echo, openTestLedger, TESTER } from '../testkit/ledger.js'
import { until } from '../testkit/until.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const log = createLog({ logLevel: 'silent' })

describe.each(ENGINES)('what is kept beside the log on %s', (engine) => {
  let database: Database
  let ledger: Ledger
  let clock: HandClock

  beforeEach(async () => {
    clock = new HandClock()
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database, { clock })
  })

  afterEach(async () => {
    await ledger.close()
    await database.close()
  })

  const retention = (days: RetentionDays, on = database) => new Retention({ database: on, clock, log, days, auditKey: undefined })
  const answer = (idempotencyKey: string) =>
    ledger.commit({ command: echo, input: { value: 1 }, caller: TESTER, correlationId: 'test', idempotencyKey })
  const keys = async () => (await database.prisma.idempotencyRecord.findMany({ orderBy: { key: 'asc' } })).map(({ key }) => key)

  it('first answers to idempotency keys go once they have expired, also where everything else is kept for ever', async () => {
    const keep = { changes: 0, auditEvents: 0 }
    await answer('a')
    clock.pass(23 * HOUR_MS)
    await answer('b')
    expect(await retention(keep).run()).toEqual({ changes: 0, auditEvents: 0, answers: 0 })
    clock.pass(HOUR_MS)
    expect(await retention(keep).run()).toEqual({ changes: 0, auditEvents: 0, answers: 1 })
    expect(await keys()).toEqual(['b'])
    expect(await answer('b')).toMatchObject({ ok: true, isReplay: true })
  })

  it('a key whose first answer has expired is free again, also before the answer was taken away', async () => {
    await answer('a')
    await answer('b')
    clock.pass(DAY_MS)
    expect(await answer('a')).toMatchObject({ ok: true, isReplay: false })
    expect(await answer('a')).toMatchObject({ ok: true, isReplay: true })
    expect(await keys()).toEqual(['a', 'b'])
  })

  it('looks by itself, also where everything else is kept for ever', async () => {
    await answer('a')
    clock.pass(DAY_MS)
    const looking = retention({ changes: 0, auditEvents: 0 })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    looking.open()
    vi.advanceTimersByTime(60_000)
    vi.useRealTimers()
    await until(async () => (await keys()).length === 0)
    await looking.close()
  })

  it('however many first answers have expired, all of them go', async () => {
    await database.pool.query(
      `INSERT INTO idempotency_records (client_id, operation, key, input_hash, answer, created_at, expires_at)
       SELECT 'c', 'o', g::text, 'h', '1', $1, $1 FROM generate_series(1, 12000) g`,
      [clock.now()],
    )
    expect(await retention({ changes: 0, auditEvents: 0 }).run()).toMatchObject({ answers: 12_000 })
    expect(await keys()).toEqual([])
  })

  it('audit events go once they are older than the days that they are kept, and stay for ever with 0', async () => {
    const trail = new AuditTrail({ database, clock, log, auditKey: undefined })
    for (const operation of ['first', 'second', 'third']) {
      trail.record({ operation, outcome: 'DENIED' })
      clock.pass(DAY_MS)
    }
    await trail.flush()
    expect(await retention({ changes: 0, auditEvents: 0 }).run()).toMatchObject({ auditEvents: 0 })
    expect(await retention({ changes: 0, auditEvents: 2 }).run()).toMatchObject({ auditEvents: 1 })
    const left = await database.prisma.auditEvent.findMany({ orderBy: { at: 'asc' } })
    expect(left.map(({ operation }) => operation)).toEqual(['second', 'third'])
  })

  it('nothing is taken away while the disk has no room for it', async () => {
    await answer('a')
    clock.pass(2 * DAY_MS)
    const assertWritable = () => Promise.reject(new AppError('UNAVAILABLE', 'The disk is nearly full.'))
    const run = retention({ changes: 1, auditEvents: 1 }, { ...database, assertWritable }).run()
    await expect(run).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await keys()).toEqual(['a'])
  })
})
