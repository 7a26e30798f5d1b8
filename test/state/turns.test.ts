import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { openPostgres } from '../../src/core/database/postgres/postgres.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
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

  /** What a session of the ledger's has plans of. */
  const plansOf = async ({ ledgerPool }: Database): Promise<number> =>
    Number((await ledgerPool.query('SELECT count(*) FROM pg_prepared_statements')).rows[0].count)

  it('one whose session has forgotten the names of its statements, as behind a pooler, follows, writes, and gives no more', async () => {
    const [first, second] = ledgers as [Ledger, Ledger]
    const [near, far] = databases as [Database, Database]
    expect(await run(first, setFeatureFlag, { key: 'a' })).toMatchObject({ ok: true, revision: 1 })
    await second.catchUp()
    expect([await plansOf(near), await plansOf(far)]).toEqual([1, 1])

    await far.ledgerPool.query('DEALLOCATE ALL')
    expect(await run(first, setFeatureFlag, { key: 'b' })).toMatchObject({ ok: true, revision: 2 })
    await second.catchUp()
    expect([second.snapshot.digest, await plansOf(far)]).toEqual([first.snapshot.digest, 0])

    await near.ledgerPool.query('DEALLOCATE ALL')
    expect(await run(first, setFeatureFlag, { key: 'c' })).toMatchObject({ ok: true, revision: 3 })
    expect(await plansOf(near)).toBe(0)
  })

  it('one whose session forgets them in the middle of its turn commits nothing twice', async () => {
    const [first, second] = ledgers as [Ledger, Ledger]
    const [, far] = databases as [Database, Database]
    // The second one takes turns from now on, as it has lost to the first one.
    expect(await run(first, setFeatureFlag, { key: 'a' })).toMatchObject({ ok: true })
    expect(await run(second, setFeatureFlag, { key: 'b' })).toMatchObject({ ok: true, revision: 2 })
    expect(await run(first, setFeatureFlag, { key: 'c' })).toMatchObject({ ok: true, revision: 3 })
    await far.ledgerPool.query('DEALLOCATE ALL')
    const outcomes = await Promise.all([run(second, setFeatureFlag, { key: 'd' }), run(second, setFeatureFlag, { key: 'e' })])
    expect(outcomes.map((outcome) => outcome.ok && outcome.revision)).toEqual([4, 5])
    expect([...second.snapshot.view(featureFlagCollection).values()].map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd', 'e'])
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
