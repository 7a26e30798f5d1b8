import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENGINES, openTestDatabase } from '../../../test/testkit/databases.js'
import type { ActorRef } from '../contract/caller.js'
import { AppError } from '../contract/errors.js'
import type { Database } from '../database/database.js'
import type { Clock } from '../platform/clock.js'
import { createLog } from '../platform/log.js'
import { type AuditEntry, AuditTrail } from './audit.js'

const ALICE: ActorRef = { id: 'a-1', name: 'alice', clientType: 'SCRIPT' }
const DENIED: AuditEntry = { operation: 'setConfig', outcome: 'DENIED', code: 'FORBIDDEN' }
const START_MS = Date.UTC(2026, 0, 1, 12)

/** A clock that stands until it is moved. */
function standingClock(): Clock & { advance(seconds: number): void } {
  let nowMs = START_MS
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    advance(seconds) {
      nowMs += seconds * 1000
    },
  }
}

/** A trail on a database that takes nothing while `isFull`. */
function trailOn(database: Database) {
  const disk = { isFull: false }
  const clock = standingClock()
  const lines: { level: string; msg: string }[] = []
  const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const assertWritable = async () => {
    if (disk.isFull) throw new AppError('UNAVAILABLE', 'The disk is full.')
  }
  const trail = new AuditTrail({ database: { ...database, assertWritable }, clock, log, auditKey: undefined })
  const rows = () => database.prisma.auditEvent.findMany({ orderBy: { id: 'asc' } })
  return { trail, disk, clock, lines, rows }
}

describe.each(ENGINES)('the audit trail on %s', (engine) => {
  let database: Database
  beforeEach(async () => {
    database = await openTestDatabase(engine)
  })
  afterEach(() => database.close())

  it('keeps equal events that are written together as one row that tells how many there were, and when', async () => {
    const { trail, clock, rows } = trailOn(database)
    trail.record({ ...DENIED, caller: ALICE, remoteAddress: '192.0.2.1', detail: { requestId: 'r-1' } })
    clock.advance(20)
    trail.record({ ...DENIED, caller: ALICE, remoteAddress: '192.0.2.2', detail: { requestId: 'r-2' } })
    await trail.flush()
    expect(await rows()).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        at: new Date(START_MS),
        operation: 'setConfig',
        outcome: 'DENIED',
        code: 'FORBIDDEN',
        actorId: 'a-1',
        actorName: 'alice',
        actorClientType: 'SCRIPT',
        remoteAddress: '192.0.2.2',
        detail: { requestId: 'r-2', count: 2, firstAt: '2026-01-01T12:00:00.000Z', lastAt: '2026-01-01T12:00:20.000Z' },
        seq: 1,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ])
    clock.advance(40)
    trail.record({ ...DENIED, caller: ALICE })
    await trail.flush()
    expect((await rows()).map(({ at }) => at)).toEqual([new Date(START_MS), new Date(START_MS + 60_000)])
    // What is finished and written is not held any longer.
    expect(trail.size).toBe(1)
  })

  it('tells apart who, what, how it ended and with which code', async () => {
    const { trail, rows } = trailOn(database)
    const other: ActorRef = { ...ALICE, id: 'b-2' }
    const different: AuditEntry[] = [
      { ...DENIED, caller: ALICE },
      { ...DENIED, caller: other },
      { ...DENIED, remoteAddress: '192.0.2.1' },
      { ...DENIED, remoteAddress: '192.0.2.2' },
      { ...DENIED, remoteAddress: '2001:db8:0:1::1' },
      { ...DENIED, remoteAddress: '2001:db8:0:2::1' },
      { ...DENIED, operation: 'deleteConfig' },
      { ...DENIED, outcome: 'FAILED' },
      { ...DENIED, code: 'MAINTENANCE' },
      { operation: 'setConfig', outcome: 'DENIED' },
    ]
    for (const entry of [...different, ...different]) trail.record(entry)
    // The same subscriber, by the /64.
    trail.record({ ...DENIED, remoteAddress: '2001:db8:0:1:ffff::2' })
    await trail.flush()
    const counts = (await rows()).map(({ detail }) => (detail as { count: number }).count)
    expect(counts).toEqual([2, 2, 2, 2, 3, 2, 2, 2, 2, 2])
  })

  it('keeps what could not be written for the next try, and says so once', async () => {
    const { trail, disk, lines, rows } = trailOn(database)
    disk.isFull = true
    trail.record({ ...DENIED, caller: ALICE })
    await trail.flush()
    trail.record({ ...DENIED, caller: ALICE })
    await trail.flush()
    expect(await rows()).toEqual([])
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([['warn', 'writing audit events failed; it is tried again']])
    disk.isFull = false
    await trail.close()
    expect(await rows()).toMatchObject([{ operation: 'setConfig', detail: { count: 2 } }])
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info'])
  })

  it('says how many events are lost when the database takes none of them before the end', async () => {
    const { trail, disk, lines } = trailOn(database)
    disk.isFull = true
    for (let i = 0; i < 3; i += 1) trail.record({ ...DENIED, caller: ALICE })
    await trail.close()
    expect(lines.at(-1)).toMatchObject({ level: 'error', lost: 3 })
  })

  it('holds a bounded number of groups, and goes on counting without telling who', async () => {
    const { trail, disk, clock, rows } = trailOn(database)
    disk.isFull = true
    for (let minute = 0; minute < 3; minute += 1) {
      for (let i = 0; i < 4_000; i += 1) trail.record({ ...DENIED, remoteAddress: `10.${minute}.${i >> 8}.${i & 255}` })
      await trail.flush()
      clock.advance(60)
    }
    expect(trail.size).toBe(5_001)
    disk.isFull = false
    await trail.flush()
    const written = await rows()
    expect(written).toHaveLength(5_001)
    expect(written.filter(({ remoteAddress }) => remoteAddress === null).map(({ detail }) => detail)).toEqual([
      { isOfMany: true, count: 7_000, firstAt: '2026-01-01T12:01:00.000Z', lastAt: '2026-01-01T12:02:00.000Z' },
    ])
    expect(trail.size).toBe(0)
  })

  it('only counts what would be too many kinds of events, and says how many', async () => {
    const { trail, lines } = trailOn(database)
    for (let i = 0; i < 6_000; i += 1) trail.record({ operation: `operation-${i}`, outcome: 'FAILED' })
    await trail.flush()
    expect(trail.size).toBe(5_500)
    expect(lines).toMatchObject([{ level: 'warn', dropped: 500 }])
  })

  it('loses and doubles nothing while it writes', async () => {
    const { trail, rows } = trailOn(database)
    const flushes: Promise<void>[] = []
    for (let i = 0; i < 50; i += 1) {
      trail.record({ ...DENIED, caller: ALICE })
      flushes.push(trail.flush())
      if (i % 10 === 0) await new Promise(setImmediate)
    }
    await Promise.all(flushes)
    const counts = (await rows()).map(({ detail }) => (detail as { count: number }).count)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50)
  })

  it('writes no key, whatever it is given', async () => {
    const { trail, rows } = trailOn(database)
    const key = `vk_live_${'A'.repeat(12)}_${'b'.repeat(32)}_1Abc2D`
    trail.record({
      operation: key,
      outcome: 'FAILED',
      code: key,
      caller: { ...ALICE, name: key },
      remoteAddress: key,
      detail: { [key]: key, token: 'abc' },
    })
    await trail.flush()
    const text = JSON.stringify(await rows())
    expect(text).toContain('vk_live_AAAA…')
    expect(text).not.toContain('b'.repeat(8))
    expect(text).not.toContain('abc')
  })

  it('writes an event without its detail where the database refuses that, and all others as they are', async () => {
    const { trail, rows, lines } = trailOn(database)
    for (const [operation, note] of [
      ['a', 'fine'],
      ['b', '\ud800'],
      ['c', 'fine'],
    ] as const) {
      trail.record({ operation, outcome: 'DENIED', detail: { note } })
    }
    await trail.flush()
    const written = (await rows()).map(({ operation, detail }) => [
      operation,
      (detail as { note?: string }).note,
      (detail as { count: number }).count,
    ])
    expect(written.toSorted()).toEqual([
      ['a', 'fine', 1],
      ['b', undefined, 1],
      ['c', 'fine', 1],
    ])
    trail.record({ operation: '\u0000', outcome: 'DENIED' })
    trail.record({ operation: 'd', outcome: 'DENIED' })
    await trail.flush()
    expect((await rows()).map(({ operation }) => operation).toSorted()).toEqual(['a', 'b', 'c', 'd'])
    expect(lines.map(({ msg }) => msg)).toEqual(['audit events are lost: the database refuses what they hold'])
  })

  it('leaves out a detail that is too long', async () => {
    const { trail, rows } = trailOn(database)
    trail.record({ ...DENIED, detail: { note: 'x'.repeat(2_000) } })
    await trail.flush()
    expect(Object.keys((await rows())[0]?.detail as object)).toEqual(['count', 'firstAt', 'lastAt'])
  })
})

describe('noting an event', () => {
  it('never throws', () => {
    const clock = { ...standingClock(), now: () => new Date(Number.NaN) }
    const lines: string[] = []
    const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(line) })
    const trail = new AuditTrail({ database: {} as Database, clock, log, auditKey: undefined })
    const circular: Record<string, never> = {}
    circular['self'] = circular as never
    expect(() => trail.record({ ...DENIED, detail: circular })).not.toThrow()
    expect(lines).toHaveLength(1)
  })

  it('adds up, whatever comes in whatever order', async () => {
    const entry = fc.record({
      operation: fc.constantFrom('a', 'b'),
      outcome: fc.constantFrom<AuditEntry['outcome']>('DENIED', 'FAILED'),
      seconds: fc.integer({ min: 0, max: 90 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 60 }), async (entries) => {
        const clock = standingClock()
        const written: { detail: { count: number } }[] = []
        const ask = async (text: string, values: readonly unknown[] = []) => {
          if (text.startsWith('SELECT'))
            return { rows: [{ seq: 0, digest: '', start_seq: 0, start_digest: '', chained_from: 0, seal: null }] }
          const rows = JSON.parse(String(values.at(-1)))
          written.push(...rows)
          return { rowCount: rows.length }
        }
        const database = { ask, assertWritable: async () => undefined } as unknown as Database
        const trail = new AuditTrail({ database, clock, log: createLog({ logLevel: 'silent' }), auditKey: undefined })
        for (const { operation, outcome, seconds } of entries) {
          trail.record({ operation, outcome })
          clock.advance(seconds)
          if (seconds % 7 === 0) await trail.flush()
        }
        await trail.close()
        expect(written.reduce((sum, { detail: { count } }) => sum + count, 0)).toBe(entries.length)
      }),
      { numRuns: 200 },
    )
  })
})
