import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog, testTemplate } from '../../../../test/testkit/databases.js'
import { systemClock } from '../../platform/clock.js'
import type { Database } from '../database.js'
import { openEmbedded } from './embedded.js'
import { keepHouse } from './housekeeping.js'
import { embeddedPaths } from './template.js'

let dataDir: string
let database: Database

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'valhalla-test-'))
  database = await openEmbedded({ dataDir, reserveBytes: 0, log: silentLog, clock: systemClock, templateDir: await testTemplate() })
})
afterEach(async () => {
  await database.close()
  await rm(dataDir, { recursive: true })
})

/** Writes about `megabytes` of log. */
async function write(megabytes: number): Promise<void> {
  const note = 'x'.repeat(1024 * 1024)
  for (let count = 0; count < megabytes; count += 1) {
    await database.pool.query(`INSERT INTO usage_marks VALUES ('test', $1, now()) ON CONFLICT DO NOTHING`, [String(count)])
    await database.pool.query('SELECT pg_logical_emit_message(false, $1, $2)', ['test', note])
  }
}

function logBytes(): number {
  const folder = join(embeddedPaths(dataDir).data, 'pg_wal')
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}

describe('housekeeping', () => {
  it('does nothing when nothing was written', async () => {
    const house = keepHouse({ ...database, log: silentLog })
    expect(await house.run())?.toEqual({ hasCheckpointed: false, vacuumed: 0 })
    await write(1)
    expect((await house.run())?.hasCheckpointed).toBe(true)
    expect(await house.run())?.toEqual({ hasCheckpointed: false, vacuumed: 0 })
    await house.stop()
  })

  it('keeps the log from growing without bound', async () => {
    const house = keepHouse({ ...database, log: silentLog })
    await house.run()
    for (let round = 0; round < 4; round += 1) {
      await write(12)
      await house.run()
    }
    expect(logBytes()).toBeLessThan(24 * 1024 * 1024)
    await house.stop()
  })

  it('vacuums every table once enough was written, so that dead rows go', async () => {
    const house = keepHouse({ ...database, log: silentLog, vacuumAfterBytes: 1n })
    await house.run()
    await write(1)
    await database.pool.query('UPDATE usage_marks SET last_at = now()')
    expect((await house.run())?.vacuumed).toBeGreaterThan(8)
    const { rows } = await database.pool.query(`SELECT n_dead_tup::int AS dead FROM pg_stat_user_tables WHERE relname = 'usage_marks'`)
    expect(rows).toEqual([{ dead: 0 }])
    await house.stop()
  })

  it('without room on the disk vacuums nothing, and makes up for it later', async () => {
    const disk = { isFull: true }
    const assertWritable = async () => {
      if (disk.isFull) throw new Error('the disk is full')
    }
    const house = keepHouse({ ...database, log: silentLog, assertWritable, vacuumAfterBytes: 1n })
    await house.run()
    await write(1)
    expect(await house.run())?.toEqual({ hasCheckpointed: true, vacuumed: 0 })
    disk.isFull = false
    await write(1)
    expect((await house.run())?.vacuumed).toBeGreaterThan(8)
    await house.stop()
  })

  it('does not keep a close waiting: it stops after the statement that is under way', async () => {
    const house = keepHouse({ ...database, log: silentLog, vacuumAfterBytes: 1n })
    await house.run()
    await write(1)
    const running = house.run()
    await house.stop()
    expect((await running)?.vacuumed).toBeLessThan(2)
  })
})
