import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENGINES, openTestDatabase } from '../../../test/testkit/databases.js'
import { HandClock } from '../../../test/testkit/hand-clock.js'
import { ruleWith } from '../../../test/testkit/limits.js'
import { AppError } from '../../core/contract/errors.js'
import type { Database } from '../../core/database/database.js'
import { createLog } from '../../core/platform/log.js'
import type { RateLimitRuleRecord } from '../../packs/rate-limits/index.js'
import type { CounterReading } from './counters/counters.js'
import { MemoryCounters } from './counters/memory-counters.js'
import { RuleBook } from './rule-book.js'
import { SnapshotFlush } from './snapshot-flush.js'
import { Tally } from './tally.js'

const log = createLog({ logLevel: 'silent' })

describe.each(ENGINES)('reported counters on %s', (engine) => {
  let database: Database
  let clock: HandClock
  let tally: Tally
  let counters: MemoryCounters
  let flush: SnapshotFlush

  beforeEach(async () => {
    database = await openTestDatabase(engine)
    clock = new HandClock()
    tally = new Tally()
    counters = new MemoryCounters({ clock, log })
    flush = new SnapshotFlush({ database, clock, log, counters, tally })
  })
  afterEach(async () => {
    await flush.close()
    await database.close()
  })

  async function store(rule: RateLimitRuleRecord): Promise<void> {
    await database.prisma.rateLimitRule.create({ data: rule })
  }

  /** Calls of a client under a rule. */
  function call(rule: RateLimitRuleRecord, subject: string, times: number): void {
    const applied = new RuleBook([rule]).rulesOf(rule.scope, subject)
    for (let index = 0; index < times; index += 1) {
      const readings = counters.take(applied, 1)
      for (const [at, each] of applied.entries()) tally.note(each, !readings[at]?.isFitting)
    }
  }

  const rows = () => database.prisma.rateLimitSnapshot.findMany({ orderBy: [{ ruleId: 'asc' }, { key: 'asc' }] })

  it('tell what is counted now, while denials add up, also those of shadow rules', async () => {
    const rule = ruleWith({ scope: 'API_KEY', maxRequests: 3 })
    const shadow = ruleWith({ scope: 'IP', maxRequests: 1, isShadow: true })
    await store(rule)
    await store(shadow)
    call(rule, 'a', 5)
    call(rule, 'b', 1)
    call(shadow, '192.0.2.1', 3)
    await flush.flush()
    const at = clock.now()
    const common = { windowSeconds: 60, windowStartedAt: at, updatedAt: at }
    expect(await rows()).toEqual([
      { ruleId: rule.id, key: 'a', scope: 'API_KEY', maxRequests: 3, currentCount: 3, deniedCount: 2, ...common },
      { ruleId: rule.id, key: 'b', scope: 'API_KEY', maxRequests: 3, currentCount: 1, deniedCount: 0, ...common },
      { ruleId: shadow.id, key: '192.0.2.1', scope: 'IP', maxRequests: 1, currentCount: 1, deniedCount: 2, ...common },
    ])
    clock.pass(90_000)
    call(rule, 'a', 2)
    await flush.flush()
    const [row] = await rows()
    const windowStartedAt = new Date(at.getTime() + 60_000)
    expect(row).toMatchObject({ currentCount: 1, deniedCount: 3, windowStartedAt, updatedAt: clock.now() })
  })

  it('of several replicas are the newest window, and the most that was counted in it', async () => {
    const rule = ruleWith({ scope: 'API_KEY', maxRequests: 100 })
    await store(rule)
    const [applied] = new RuleBook([rule]).rulesOf('API_KEY', 'a')
    const startedAtMs = clock.now().getTime()
    const replica = (reading: Partial<CounterReading>, denials: number): Promise<void> => {
      const own = new Tally()
      if (applied) for (let index = 0; index < denials + 1; index += 1) own.note(applied, index < denials)
      const look = () => [{ elapsedMs: 0, current: 0, previous: 0, isFitting: true, startedAtMs, ...reading }]
      return new SnapshotFlush({ database, clock, log, counters: { look }, tally: own }).close()
    }
    await replica({ current: 60 }, 1)
    await replica({ current: 50 }, 2)
    expect(await rows()).toMatchObject([{ currentCount: 60, deniedCount: 3 }])
    await replica({ current: 5, startedAtMs: startedAtMs + 60_000 }, 0)
    await replica({ current: 99 }, 0)
    expect(await rows()).toMatchObject([{ currentCount: 5, deniedCount: 3, windowStartedAt: new Date(startedAtMs + 60_000) }])
  })

  it('are kept for the busiest subjects, and not beyond two windows and an hour, nor without their rule', async () => {
    const rule = ruleWith({ scope: 'IP', maxRequests: 1_000, windowSeconds: 60 })
    await store(rule)
    for (let index = 0; index < 12_000; index += 1) call(rule, `10.0.${index >> 8}.${index & 255}`, index < 50 ? 3 : 1)
    await flush.flush()
    expect(await database.prisma.rateLimitSnapshot.count()).toBe(10_000)
    expect(await database.prisma.rateLimitSnapshot.count({ where: { currentCount: 3 } })).toBe(50)
    clock.pass((2 * 60 + 3_600) * 1_000)
    await flush.clean()
    expect(await database.prisma.rateLimitSnapshot.count()).toBe(10_000)
    call(rule, 'late', 1)
    await flush.flush()
    await flush.clean()
    expect(await database.prisma.rateLimitSnapshot.count()).toBe(10_000)
    clock.pass(1)
    await flush.clean()
    expect((await rows()).map(({ key }) => key)).toEqual(['late'])
    await database.prisma.rateLimitRule.deleteMany()
    await flush.clean()
    expect(await rows()).toEqual([])
    call(rule, 'gone', 1)
    await flush.flush()
    expect(await rows()).toEqual([])
  })

  it('are one row for a rule that is changed in between, told as the rule is now', async () => {
    const rule = ruleWith({ scope: 'API_KEY', maxRequests: 2, windowSeconds: 60 })
    await store(rule)
    call(rule, 'a', 3)
    call({ ...rule, windowSeconds: 90, maxRequests: 5 }, 'a', 1)
    await flush.flush()
    expect(await rows()).toMatchObject([{ windowSeconds: 90, maxRequests: 5, currentCount: 1, deniedCount: 1 }])
    // Also when it is changed while what was counted cannot be written.
    call({ ...rule, windowSeconds: 90, maxRequests: 5 }, 'a', 5)
    await database.pool.query('ALTER TABLE rate_limit_snapshots RENAME TO elsewhere')
    await flush.flush()
    call({ ...rule, windowSeconds: 120, maxRequests: 6 }, 'a', 1)
    await database.pool.query('ALTER TABLE elsewhere RENAME TO rate_limit_snapshots')
    await flush.flush()
    expect(await rows()).toMatchObject([{ windowSeconds: 120, maxRequests: 6, currentCount: 1, deniedCount: 2 }])
    expect(tally.size).toBe(0)
  })

  it('that cannot be written are written later', async () => {
    const rule = ruleWith({ scope: 'API_KEY', maxRequests: 2 })
    await store(rule)
    call(rule, 'a', 5)
    await database.pool.query('ALTER TABLE rate_limit_snapshots RENAME TO elsewhere')
    await flush.flush()
    call(rule, 'a', 1)
    await database.pool.query('ALTER TABLE elsewhere RENAME TO rate_limit_snapshots')
    await flush.flush()
    expect(await rows()).toMatchObject([{ currentCount: 2, deniedCount: 4 }])
  })

  it('wait while the disk has no room for them, which is said once', async () => {
    const disk = { isFull: true }
    const lines: string[] = []
    const assertWritable = async () => {
      if (disk.isFull) throw new AppError('UNAVAILABLE', 'The disk is nearly full.')
    }
    const loud = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(JSON.parse(line).msg) })
    const careful = new SnapshotFlush({ database: { ask: database.ask, assertWritable }, clock, log: loud, counters, tally })
    const rule = ruleWith({ scope: 'API_KEY', maxRequests: 2 })
    await store(rule)
    call(rule, 'a', 5)
    for (let round = 0; round < 3; round += 1) await careful.flush()
    expect(await rows()).toEqual([])
    disk.isFull = false
    await careful.close()
    expect(await rows()).toMatchObject([{ currentCount: 2, deniedCount: 3 }])
    expect(lines).toEqual(['flushing rate limit snapshots failed; it is tried again', 'flushing rate limit snapshots works again'])
  })
})
