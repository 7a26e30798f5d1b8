import fc from 'fast-check'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditTrail } from '../../src/core/background/audit.js'
import { Retention } from '../../src/core/background/retention.js'
import { SYSTEM_CALLER } from '../../src/core/contract/caller.js'
import type { Database } from '../../src/core/database/database.js'
import { Integrity } from '../../src/core/integrity/integrity.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import { GENESIS_DIGEST, nextDigest } from '../../src/core/ledger/digest.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { fromChangeRow } from '../../src/core/state/change.js'
import { createRevertCommand, findRevertSubject } from '../../src/core/state/revert.js'
import { apiClientCollection } from '../../src/packs/api-clients/api-client.collection.js'
import { setConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { clientWithKey, settingsOf } from '../testkit/api-clients.js'
import { deletionOf } from '../testkit/commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { AUDIT_KEY, COLLECTIONS, openTestLedger, run } from '../testkit/ledger.js'
import { anyCall } from './random-commands.js'

const DAY_MS = 86_400_000
const collections = [...COLLECTIONS, apiClientCollection]
const log = pino({ level: 'silent' })
const deleteFeatureFlag = deletionOf<'key'>('deleteFeatureFlag')

describe.each(ENGINES)('the check of objects and events on %s', (engine) => {
  let database: Database
  let ledger: Ledger
  let clock: HandClock
  let trail: AuditTrail
  let integrity: Integrity

  const newIntegrity = () => {
    const settings = { ...settingsOf({ NODE_ENV: 'test' }), auditKey: AUDIT_KEY }
    return new Integrity({ changeLog: new ChangeLog(database), collections, settings, database, clock })
  }
  const newTrail = () => new AuditTrail({ database, clock, log, auditKey: AUDIT_KEY })
  const shorten = (changes: number, auditEvents = 0) =>
    new Retention({ database, clock, log, days: { changes, auditEvents }, auditKey: AUDIT_KEY }).run()
  const sql = (text: string, values: unknown[] = []) => database.pool.query(text, values)
  const denied = async (...operations: string[]) => {
    for (const operation of operations) {
      trail.record({ operation, outcome: 'DENIED', code: 'FORBIDDEN' })
      await trail.flush()
    }
  }
  const eventIds = async () => (await sql('SELECT id FROM audit_events ORDER BY seq')).rows.map(({ id }) => id as string)
  /** What a check of everything finds, by a process that knows nothing yet. */
  const found = async () => {
    const { isIntact, tamperedObjects, firstBrokenEvent, firstBrokenRevision } = await newIntegrity().checkAll()
    return {
      isIntact,
      tampered: tamperedObjects.map(({ targetType, targetKey }) => `${targetType} ${targetKey}`),
      firstBrokenEvent,
      firstBrokenRevision,
    }
  }
  const INTACT = { isIntact: true, tampered: [], firstBrokenEvent: null, firstBrokenRevision: null }

  beforeEach(async () => {
    clock = new HandClock()
    database = await openTestDatabase(engine)
    trail = newTrail()
    await trail.open()
    ledger = await openTestLedger(database, { clock, collections })
    integrity = newIntegrity()
    for (const key of ['a', 'b', 'c']) await run(ledger, setFeatureFlag, { key })
    await run(ledger, setConfig, { key: 'limit', value: { max: 1 } })
  })

  afterEach(async () => {
    await trail.close()
    await ledger.close()
    await database.close()
  })

  const addClient = async () => {
    const { client } = clientWithKey({ name: 'eve', role: 'OBSERVER' })
    const command = {
      name: 'putClient',
      isRevertible: false,
      run: (draft: Parameters<typeof setConfig.run>[0]) => {
        draft.put(apiClientCollection, client)
        return { ok: true as const, value: null }
      },
    }
    await ledger.commit({ command, input: {}, caller: SYSTEM_CALLER, correlationId: 'test' })
  }

  it.each([
    ['a role', "UPDATE api_clients SET role = 'ADMIN'"],
    ['a name', "UPDATE api_clients SET name = 'adam'"],
    ['a secret', "UPDATE api_clients SET key_digest = 'forged'"],
    ['a secret that there was none of', "UPDATE api_clients SET previous_key_digest = 'forged'"],
    [
      'a name, and its change with it',
      "WITH c AS (UPDATE changes SET after = replace(after::text, 'eve', 'adam')::json WHERE target_type = 'ApiClient') UPDATE api_clients SET name = 'adam'",
    ],
    ['everything', 'DELETE FROM api_clients'],
  ])('finds and names a client whose row was edited or deleted by hand: %s', async (what, edit) => {
    await addClient()
    expect(await found()).toEqual(INTACT)
    await sql(edit)
    const { isIntact, tampered, firstBrokenRevision } = await found()
    // Who edits the change as well hides the object, and breaks the chain.
    const isHidden = what.includes('change')
    expect([isIntact, tampered, firstBrokenRevision]).toEqual([false, isHidden ? [] : ['ApiClient eve'], isHidden ? 5 : null])
  })

  it('finds and names a row that was added by hand, also under the key of an object that was deleted', async () => {
    await run(ledger, deleteFeatureFlag, { key: 'b' })
    expect(await found()).toEqual(INTACT)
    for (const key of ['b', 'new', ''])
      await sql(
        'INSERT INTO feature_flags SELECT f.* FROM feature_flags a, json_populate_record(a, json_build_object($1::text, $2::text, $3::text, $4::text)) f WHERE a.key = $5',
        ['key', key, 'id', `id of ${key}`, 'a'],
      )
    expect((await found()).tampered).toEqual(['FeatureFlag ', 'FeatureFlag b', 'FeatureFlag new'])
  })

  it('goes by the last change of an object that was deleted and made again, and put back', async () => {
    await run(ledger, deleteFeatureFlag, { key: 'b' })
    await run(ledger, setFeatureFlag, { key: 'b', isEnabled: false })
    const changeLog = new ChangeLog(database)
    const revision = ledger.snapshot.revision
    const subject = await findRevertSubject(changeLog, { changes: await changeLog.ofRevision(revision), collections })
    await run(ledger, createRevertCommand(subject), { revision })
    expect(await found()).toEqual(INTACT)
    await run(ledger, setFeatureFlag, { key: 'b' })
    expect(await found()).toEqual(INTACT)
    await sql("UPDATE feature_flags SET is_enabled = false WHERE key = 'b'")
    expect((await found()).tampered).toEqual(['FeatureFlag b'])
  })

  it('knows what an object was when its last change has been taken from the log', async () => {
    await addClient()
    await run(ledger, deleteFeatureFlag, { key: 'c' })
    clock.pass(10 * DAY_MS)
    await run(ledger, setFeatureFlag, { key: 'a', isEnabled: false })
    expect((await shorten(3)).changes).toBe(6)
    expect(await found()).toEqual(INTACT)
    await sql("UPDATE api_clients SET role = 'ADMIN'")
    await sql("UPDATE feature_flags SET is_enabled = false WHERE key = 'b'")
    await sql('DELETE FROM system_config')
    expect((await found()).tampered).toEqual(['ConfigEntry limit', 'FeatureFlag b', 'ApiClient eve'])
  })

  it('finds that what was kept of a shortened log is forged, gone, or moved', async () => {
    clock.pass(10 * DAY_MS)
    await run(ledger, setFeatureFlag, { key: 'a', isEnabled: false })
    await shorten(3)
    await sql("UPDATE kept_changes SET after = json_build_object('key', 'b', 'isEnabled', false) WHERE target_key = 'b'")
    await sql("UPDATE feature_flags SET is_enabled = false WHERE key = 'b'")
    expect((await found()).tampered).toEqual(['FeatureFlag b'])
    await sql("DELETE FROM feature_flags WHERE key = 'b'")
    await sql("DELETE FROM kept_changes WHERE target_key = 'b'")
    expect(await found()).toMatchObject({ isIntact: false, firstBrokenRevision: 4 })
    await sql('UPDATE ledger_checkpoint SET seal = NULL')
    expect(await found()).toMatchObject({ isIntact: false, firstBrokenRevision: 4 })
  })

  it('takes what builds without seals have left for what it is, and finds what is done to it', async () => {
    await sql('UPDATE changes SET seal = NULL')
    const { rows } = await sql('SELECT to_json(c) AS row FROM changes c ORDER BY revision, ordinal')
    let digest = GENESIS_DIGEST
    for (const { row } of rows) {
      digest = nextDigest(AUDIT_KEY, digest, fromChangeRow(row))
      await sql('UPDATE changes SET digest = $1 WHERE revision = $2', [digest, row.revision])
    }
    await sql('UPDATE ledger_head SET digest = $1', [digest])
    await sql(`INSERT INTO audit_events (id, at, operation, outcome) VALUES ('old', '2019-01-01Z', 'any', 'DENIED')`)
    await ledger.catchUp()
    expect(await found()).toEqual(INTACT)
    await run(ledger, setFeatureFlag, { key: 'a', isEnabled: false })
    expect(await found()).toEqual(INTACT)
    await sql("UPDATE feature_flags SET is_enabled = false WHERE key = 'b'")
    expect((await found()).tampered).toEqual(['FeatureFlag b'])
  })

  it('finds events that were edited, added, or deleted, also the newest ones and all of them', async () => {
    await denied('one', 'two', 'three', 'four')
    const [, second, third] = await eventIds()
    expect(await newIntegrity().checkAll()).toMatchObject({ isIntact: true, checkedEvents: 4 })
    const breaks = async (text: string, firstBrokenEvent: string | null | undefined) => {
      await sql(text)
      expect([text, await found()]).toEqual([text, { ...INTACT, isIntact: false, firstBrokenEvent }])
      await sql('DELETE FROM audit_events')
      await sql('INSERT INTO audit_events SELECT * FROM saved')
    }
    await sql('CREATE TABLE saved AS SELECT * FROM audit_events')
    await breaks("UPDATE audit_events SET actor_name = 'nobody' WHERE seq = 2", second)
    await breaks('DELETE FROM audit_events WHERE seq = 2', third)
    await breaks('DELETE FROM audit_events WHERE seq = 4', third)
    await breaks('DELETE FROM audit_events', null)
    await breaks(`INSERT INTO audit_events (id, at, operation, outcome) VALUES ('x', now(), 'any', 'DENIED')`, 'x')
    await breaks(`INSERT INTO audit_events (id, at, operation, outcome, seq, digest) VALUES ('x', now(), 'any', 'DENIED', 5, 'y')`, 'x')
    await sql('DROP TABLE saved')
    expect(await found()).toEqual(INTACT)
    // A cut that moves the head along has no seal for it, and what is written afterwards makes it no better.
    await sql('DELETE FROM audit_events WHERE seq = 4')
    await sql('UPDATE audit_head SET seq = 3, digest = (SELECT digest FROM audit_events WHERE seq = 3)')
    expect(await found()).toMatchObject({ isIntact: false })
    await denied('five')
    expect(await found()).toMatchObject({ isIntact: false })
    await sql('DELETE FROM audit_events')
    await sql("UPDATE audit_head SET seq = 0, digest = repeat('0', 64), start_seq = 0, seal = NULL")
    await newTrail().open()
    expect(await found()).toMatchObject({ isIntact: false })
  })

  it('holds one chain of events for all replicas, and begins where old ones were taken away', async () => {
    const others = [newTrail(), newTrail(), trail]
    await Promise.all(
      others.map(async (other, replica) => {
        for (let i = 0; i < 20; i += 1) {
          other.record({ operation: `of-${replica}-${i}`, outcome: 'DENIED' })
          await other.flush()
        }
      }),
    )
    expect(await newIntegrity().checkAll()).toMatchObject({ isIntact: true, checkedEvents: 60 })
    clock.pass(10 * DAY_MS)
    await denied('young')
    expect(await shorten(0, 3)).toMatchObject({ auditEvents: 60 })
    expect(await newIntegrity().checkAll()).toMatchObject({ isIntact: true, checkedEvents: 1 })
    await sql('UPDATE audit_head SET start_seq = start_seq + 1')
    expect(await found()).toMatchObject({ isIntact: false })
  })

  it('looks only at what is new after a first check, and at what was wrong', async () => {
    expect(await integrity.checkRecent()).toMatchObject({ isIntact: true, checkedRevisions: 4, checkedObjects: 4 })
    expect(integrity.verifiedRevision).toBe(4)
    await run(ledger, setFeatureFlag, { key: 'd' })
    await sql("UPDATE feature_flags SET is_enabled = false WHERE key IN ('a', 'd')")
    await sql("UPDATE changes SET reason = 'forged' WHERE revision = 1")
    const recent = await integrity.checkRecent()
    expect(recent).toMatchObject({ isIntact: false, checkedRevisions: 5, firstBrokenRevision: null, checkedObjects: 5 })
    expect(recent.tamperedObjects).toMatchObject([{ targetKey: 'd' }])
    await sql('UPDATE changes SET reason = NULL WHERE revision = 1')
    expect((await integrity.checkAll()).tamperedObjects).toMatchObject([{ targetKey: 'a' }, { targetKey: 'd' }])
    await sql("UPDATE feature_flags SET is_enabled = true WHERE key IN ('a', 'd')")
    expect(await integrity.checkRecent()).toMatchObject({ isIntact: true, checkedObjects: 5 })
  })

  it('finds each of random edits, deletions and insertions after random commands, and nothing before', async () => {
    const tampering = fc.record({
      table: fc.constantFrom('feature_flags', 'system_config', 'changes', 'audit_events'),
      kind: fc.constantFrom('edit', 'delete'),
      seed: fc.nat(),
    })
    const property = fc.asyncProperty(fc.array(anyCall, { maxLength: 12 }), tampering, async (calls, { table, kind, seed }) => {
      for (const { command, input } of calls) await run(ledger, command, input)
      await denied('any')
      clock.pass(DAY_MS)
      if (seed % 3 === 0) await shorten(2, 2)
      expect(await found()).toEqual(INTACT)
      const { rows } = await sql(`SELECT ctid::text AS place, to_json(t) AS row FROM ${table} t ORDER BY ctid`)
      const chosen = rows[seed % rows.length]
      if (!chosen) return
      const { place, row } = chosen
      const column = { feature_flags: 'description', system_config: 'description', changes: 'correlation_id', audit_events: 'operation' }[
        table
      ]
      if (kind === 'edit') await sql(`UPDATE ${table} SET ${column} = coalesce(${column}, '') || 'x' WHERE ctid = $1::tid`, [place])
      else await sql(`DELETE FROM ${table} WHERE ctid = $1::tid`, [place])
      const report = await found()
      expect([table, kind, report.isIntact]).toEqual([table, kind, false])
      if (table === 'feature_flags' || table === 'system_config')
        expect(report.tampered).toEqual([`${table === 'feature_flags' ? 'FeatureFlag' : 'ConfigEntry'} ${row.key}`])
      if (kind === 'delete')
        await sql(`INSERT INTO ${table} SELECT * FROM json_populate_record(NULL::${table}, $1::json)`, [JSON.stringify(row)])
      else await sql(`UPDATE ${table} SET ${column} = $1 WHERE ${column} = coalesce($1, '') || 'x'`, [row[column]])
      expect(await found()).toEqual(INTACT)
    })
    await fc.assert(property, { numRuns: 25 })
  })
})
