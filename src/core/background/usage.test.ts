import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENGINES, openTestDatabase } from '../../../test/testkit/databases.js'
import { AppError } from '../contract/errors.js'
import type { Database } from '../database/database.js'
import { createLog } from '../platform/log.js'
import { UsageMarks } from './usage.js'

const ROUND_MS = 30_000

describe.each(ENGINES)('marks of usage on %s', (engine) => {
  let database: Database
  let nowMs: number
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs }

  beforeEach(async () => {
    nowMs = Date.parse('2030-01-01T00:00:00Z')
    database = await openTestDatabase(engine)
  })

  afterEach(() => database.close())

  /** A replica whose database takes nothing while `isFull`. */
  function replica() {
    const disk = { isFull: false }
    const lines: string[] = []
    const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(JSON.parse(line).msg) })
    const assertWritable = async () => {
      if (disk.isFull) throw new AppError('UNAVAILABLE', 'The disk is nearly full.')
    }
    return { marks: new UsageMarks({ database: { ...database, assertWritable }, clock, log }), disk, lines }
  }

  const stored = () => database.prisma.usageMark.findMany({ orderBy: { key: 'asc' } })

  it('are written in batches, and never go back in time', async () => {
    const { marks } = replica()
    marks.touch('flag', 'a')
    marks.touch('client', 'b')
    const firstAt = clock.now()
    await marks.flush()
    nowMs -= ROUND_MS
    marks.touch('flag', 'a')
    await marks.flush()
    expect(await stored()).toEqual([
      { kind: 'flag', key: 'a', lastAt: firstAt },
      { kind: 'client', key: 'b', lastAt: firstAt },
    ])
  })

  it('stay for the next try while the disk has no room for them, which is said once', async () => {
    const { marks, disk, lines } = replica()
    disk.isFull = true
    marks.touch('flag', 'a')
    const at = clock.now()
    for (let round = 0; round < 3; round += 1) await marks.flush()
    expect(await stored()).toEqual([])
    disk.isFull = false
    await marks.flush()
    expect(await stored()).toEqual([{ kind: 'flag', key: 'a', lastAt: at }])
    expect(lines).toEqual(['flushing usage marks failed; it is tried again', 'flushing usage marks works again'])
  })

  it.runIf(engine === 'postgresql')('of another replica arrive, also those that it could only write late', async () => {
    const near = replica()
    const far = replica()
    await near.marks.open()
    far.marks.touch('flag', 'early')
    await far.marks.flush()
    await near.marks.flush()
    expect(near.marks.lastAt('flag', 'early')).toEqual(clock.now())
    await database.pool.query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$`)
    await database.pool.query('CREATE TRIGGER fail BEFORE INSERT ON usage_marks FOR EACH ROW EXECUTE FUNCTION fail()')
    far.marks.touch('flag', 'late')
    const at = clock.now()
    const rounds = async (count: number) => {
      for (let round = 0; round < count; round += 1) {
        nowMs += ROUND_MS
        await far.marks.flush()
        await near.marks.flush()
      }
    }
    await rounds(5)
    await database.pool.query('DROP FUNCTION fail CASCADE')
    await rounds(10)
    expect(near.marks.lastAt('flag', 'late')).toEqual(at)
    await near.marks.close()
  })
})
