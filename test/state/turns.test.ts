import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { createTestDatabase, ENGINES, silentLog } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'

describe.runIf(ENGINES.includes('postgresql'))('of replicas that write at the same time', () => {
  let url: string
  let drop: () => Promise<void>
  let databases: Database[]
  let ledgers: Ledger[]

  beforeEach(async () => {
    const created = await createTestDatabase()
    url = created.url
    drop = created.drop
    databases = []
    for (let index = 0; index < 3; index += 1) databases.push(await openPostgres({ url, log: silentLog }))
    ledgers = await Promise.all(databases.map((database) => openTestLedger(database)))
  })

  afterEach(async () => {
    await Promise.all(ledgers.map((ledger) => ledger.close()))
    await Promise.all(databases.map((database) => database.close()))
    await drop()
  })

  it('each is served while the others go on, and none is refused', async () => {
    const WRITES = 40
    const ends: number[] = []
    let isOver = false
    const writeAll = async (ledger: Ledger, name: number): Promise<number> => {
      let count = 0
      while (!isOver) {
        expect(await run(ledger, setFeatureFlag, { key: `k${name}`, isEnabled: count % 2 === 0 })).toMatchObject({ ok: true })
        count += 1
        if (count === WRITES) {
          isOver = true
          ends.push(name)
        }
      }
      return count
    }
    const counts = await Promise.all(ledgers.map(writeAll))
    expect(Math.min(...counts)).toBeGreaterThan(WRITES / 2)
    await Promise.all(ledgers.map((ledger) => ledger.catchUp()))
    expect(new Set(ledgers.map(({ snapshot }) => snapshot.digest)).size).toBe(1)
    expect(ledgers[0]?.snapshot.revision).toBe(counts.reduce((sum, count) => sum + count))
  })

  it('one that freezes in the middle of its turn loses it, and the others go on', async () => {
    const [first, second] = ledgers as [Ledger, Ledger]
    await run(first, setFeatureFlag, { key: 'a' })
    // What a replica holds that has stopped between taking its turn and its commit, with the limits of a ledger's connection.
    const frozen = new pg.Client({ ...databases[0]?.ledgerPool.options, connectionString: url })
    frozen.on('error', () => undefined)
    await frozen.connect()
    await frozen.query('BEGIN; SELECT pg_advisory_xact_lock(7304119662); SELECT FROM ledger_head FOR UPDATE')
    expect(await run(second, setFeatureFlag, { key: 'b' })).toMatchObject({ ok: true, revision: 2 })
    await frozen.end().catch(() => undefined)
  })

  it('ones whose sessions have forgotten the names of their statements, as behind a pooler, follow and write', async () => {
    const [first, second] = ledgers as [Ledger, Ledger]
    for (let count = 0; count < 3; count += 1) {
      expect(await run(first, setFeatureFlag, { key: `a${count}` })).toMatchObject({ ok: true })
      await second.poll()
    }
    const forget = async () => {
      await Promise.all(databases.map(({ ledgerPool }) => ledgerPool.query('DEALLOCATE ALL')))
    }
    await forget()
    expect(await run(first, setFeatureFlag, { key: 'b' })).toMatchObject({ ok: true, revision: 4 })
    await second.poll()
    expect(second.status.isDatabaseReachable).toBe(true)
    expect(second.snapshot.digest).toBe(first.snapshot.digest)
    await forget()
    expect(await run(second, setFeatureFlag, { key: 'c' })).toMatchObject({ ok: true, revision: 5 })
  })

  it('one whose transaction was a deadlock or not serializable tries again', async () => {
    const [ledger] = ledgers as [Ledger]
    const [database] = databases as [Database]
    for (const state of ['40P01', '40001']) {
      await database.pool.query('CREATE SEQUENCE tries')
      await database.pool.query(`CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF nextval('tries') < 3 THEN RAISE 'lost' USING ERRCODE = '${state}'; END IF; RETURN NEW; END $$`)
      await database.pool.query('CREATE TRIGGER lose BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION lose()')
      expect(await run(ledger, setFeatureFlag, { key: `key-${state.toLowerCase()}` })).toMatchObject({ ok: true })
      await database.pool.query('DROP FUNCTION lose CASCADE; DROP SEQUENCE tries')
    }
  })
})
