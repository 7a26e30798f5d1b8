import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import { follow } from '../../src/core/ledger/follow.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { createTestDatabase, ENGINES, openTestDatabase, silentLog } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'
import { startTcpProxy } from '../testkit/tcp-proxy.js'
import { until } from '../testkit/until.js'

const NOTHING = { code: 'UNAVAILABLE', message: expect.stringContaining('nothing was changed') }

/** SQLSTATEs disk_full and out_of_memory (PostgreSQL documentation, appendix A). */
const DISK_FULL = '53100'
const OUT_OF_MEMORY = '53200'

/** Does `work` while the database cannot store changes, and says so by a SQLSTATE. */
async function failingInserts({ pool }: Database, state: string, work: () => Promise<void>): Promise<void> {
  await pool.query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'it cannot be done' USING ERRCODE = '${state}'; END $$`)
  await pool.query('CREATE TRIGGER fail BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION fail()')
  try {
    await work()
  } finally {
    await pool.query('DROP FUNCTION fail CASCADE')
  }
}

describe.runIf(ENGINES.includes('postgresql'))('a write on PostgreSQL', () => {
  let database: Database
  let ledger: Ledger

  beforeEach(async () => {
    database = await openTestDatabase('postgresql')
    ledger = await openTestLedger(database)
  })

  afterEach(async () => {
    await ledger.close()
    await database.close()
  })

  const keys = () => [...ledger.snapshot.view(featureFlagCollection).values()].map(({ key }) => key)

  it('whose turn did not come in time changed nothing, and never lands later', async () => {
    const hasty = await openTestLedger(database, { writeTimeoutMs: 200 })
    const locker = await database.pool.connect()
    await locker.query('BEGIN; LOCK TABLE ledger_head')
    const looking = hasty.poll()
    const writes = await Promise.allSettled(['a', 'b'].map((key) => run(hasty, setFeatureFlag, { key })))
    await locker.query('COMMIT')
    locker.release()
    await looking
    expect(writes).toEqual([
      { status: 'rejected', reason: expect.objectContaining(NOTHING) },
      { status: 'rejected', reason: expect.objectContaining(NOTHING) },
    ])
    expect(await run(ledger, setFeatureFlag, { key: 'c' })).toMatchObject({ ok: true, revision: 1 })
    expect(keys()).toEqual(['c'])
    await hasty.close()
  })

  it('that the server rolled back is said to have changed nothing', async () => {
    await failingInserts(database, OUT_OF_MEMORY, async () => {
      await expect(run(ledger, setFeatureFlag, { key: 'a' })).rejects.toMatchObject(NOTHING)
      expect(ledger.status.isDatabaseReachable).toBe(false)
    })
    expect(await run(ledger, setFeatureFlag, { key: 'a' })).toMatchObject({ ok: true, revision: 1 })
    expect(ledger.status.isDatabaseReachable).toBe(true)
  })

  it('whose server went away in the middle of it may have landed, and is said so', async () => {
    await database.pool.query(`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$`)
    await database.pool.query('CREATE TRIGGER die BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION die()')
    await expect(run(ledger, setFeatureFlag, { key: 'a' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('may or may not have landed'),
    })
    await database.pool.query('DROP FUNCTION die CASCADE')
  })
})

describe.each(ENGINES)('after a write on %s that the database failed', (engine) => {
  it('the ledger is well again by itself, without another write', async () => {
    const database = await openTestDatabase(engine)
    const ledger = await openTestLedger(database)
    const stop = follow(ledger, database, silentLog)
    await failingInserts(database, OUT_OF_MEMORY, async () => {
      await expect(run(ledger, setFeatureFlag, { key: 'a' })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      if (engine === 'pglite') expect(ledger.status.isDatabaseReachable).toBe(false)
    })
    await until(() => ledger.status.isDatabaseReachable)
    await stop()
    await ledger.close()
    await database.close()
  })
})

describe.each(ENGINES)('a write for which %s has no room', (engine) => {
  it('is refused and said so, which is logged once until one lands again, and is no outage', async () => {
    const database = await openTestDatabase(engine)
    const lines: string[] = []
    const log = pino({ base: null, timestamp: false }, { write: (line: string) => lines.push(JSON.parse(line).msg) })
    const ledger = await openTestLedger(database, { log })
    const refuse = async (key: string): Promise<void> => {
      await expect(run(ledger, setFeatureFlag, { key })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: 'The disk of the database is full: nothing can be changed until there is room. Nothing was changed.',
      })
      expect(ledger.status).toMatchObject({ isDatabaseReachable: true, isDegraded: false })
      await ledger.poll()
    }
    await failingInserts(database, DISK_FULL, async () => {
      await refuse('a')
      await refuse('b')
    })
    expect(await run(ledger, setFeatureFlag, { key: 'a' })).toMatchObject({ ok: true, revision: 1 })
    await failingInserts(database, DISK_FULL, () => refuse('b'))
    const full = 'the disk of the database is full: writes are refused until there is room'
    expect(lines).toEqual([full, 'the disk has room again: writes are accepted', 'committed', full])
    await ledger.close()
    await database.close()
  })
})

describe.runIf(ENGINES.includes('postgresql'))('a write that has to follow another replica first', () => {
  it('is answered UNAVAILABLE when the connection breaks meanwhile, and the ledger knows', async () => {
    const { url, drop } = await createTestDatabase()
    const proxy = await startTcpProxy(url)
    const near = await openPostgres({ url, log: silentLog })
    const far = await openPostgres({ url: proxy.url, log: silentLog })
    const [other, ledger] = [await openTestLedger(near), await openTestLedger(far)]
    await run(other, setFeatureFlag, { key: 'a' })
    // The first connection is for the write, which comes too late, the second one for the catch-up.
    let acquired = 0
    far.ledgerPool.on('acquire', () => {
      acquired += 1
      if (acquired === 2) void proxy.cut()
    })
    await expect(run(ledger, setFeatureFlag, { key: 'b' })).rejects.toMatchObject(NOTHING)
    expect(ledger.status.isDatabaseReachable).toBe(false)
    await Promise.all([other.close(), ledger.close()])
    await Promise.all([near.close(), far.close()])
    await drop()
  })
})
