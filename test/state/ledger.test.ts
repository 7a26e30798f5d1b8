import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { userError } from '../../src/core/contract/errors.js'
import type { Database } from '../../src/core/database/database.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import type { ChangeRecord } from '../../src/core/state/change.js'
import { type Command, done, refused } from '../../src/core/state/command.js'
import { createRevertCommand } from '../../src/core/state/revert.js'
import { configEntryCollection } from '../../src/packs/config-registry/config-entry.collection.js'
import { setConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { deletionOf } from '../testkit/commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { COLLECTIONS, collect, openTestLedger, run, TESTER } from '../testkit/ledger.js'

const deleteConfig = deletionOf<'key'>('deleteConfig')
const deleteFeatureFlag = deletionOf<'key'>('deleteFeatureFlag')

/** Appends the input to one entry; keeps its first answer for an idempotency key. */
const append: Command<{ item: string }, { items: readonly string[] }> = {
  name: 'append',
  isRevertible: true,
  run(draft, { item }, { now, newId }) {
    if (item === 'refuse') return refused(userError('INVALID', ['item'], 'refused'))
    if (item === 'crash') throw new Error('a bug in a command')
    const before = draft.get(configEntryCollection, 'items')
    const items = [...((before?.value ?? []) as string[]), item]
    const blank = { id: newId(), key: 'items', description: null, isMutable: true, valueSchema: null, createdAt: now }
    draft.put(configEntryCollection, { ...blank, ...before, value: items, version: (before?.version ?? 0) + 1, updatedAt: now })
    return done({ items })
  },
  replay: { toJson: ({ items }) => ({ items }), fromJson: (json) => json as { items: string[] } },
}

describe.each(ENGINES)('a ledger on %s', (engine) => {
  let database: Database
  let ledger: Ledger

  beforeEach(async () => {
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database)
  })

  afterEach(async () => {
    await ledger.close()
    await database.close()
  })

  const items = () => ledger.snapshot.view(configEntryCollection).get('items')?.value ?? null
  const appendWith = (item: string, idempotencyKey?: string) =>
    ledger.commit({ command: append, input: { item }, caller: TESTER, correlationId: 'test', idempotencyKey })

  it('commands that arrive together land in order, each with its own revision, in few transactions', async () => {
    const commits: number[] = []
    ledger.onCommit((changes) => commits.push(changes.length))
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => appendWith(String(index))))
    expect(outcomes.map((outcome) => outcome.ok && outcome.revision)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    expect(items()).toEqual(Array.from({ length: 50 }, (_, index) => String(index)))
    expect(commits.length).toBeLessThanOrEqual(3)
  })

  it('one that is refused or crashes takes none of its neighbours down, and leaves nothing', async () => {
    const [first, refusal, crash, last] = await Promise.allSettled(['a', 'refuse', 'crash', 'b'].map((item) => appendWith(item)))
    expect(first).toMatchObject({ status: 'fulfilled', value: { ok: true, revision: 1 } })
    expect(refusal).toMatchObject({ status: 'fulfilled', value: { ok: false, userErrors: [{ code: 'INVALID' }] } })
    expect(crash).toMatchObject({ status: 'rejected', reason: { message: 'a bug in a command' } })
    expect(last).toMatchObject({ status: 'fulfilled', value: { ok: true, revision: 2 } })
    expect(items()).toEqual(['a', 'b'])
  })

  it('one whose rows the database refuses takes none of its neighbours down', async () => {
    const tooBig: Command<object, null> = {
      name: 'tooBig',
      isRevertible: true,
      run(draft, _input, { now, newId }) {
        const flag = { id: newId(), key: 'x', group: 'g', description: null, isEnabled: true, strategies: [], variants: [] }
        draft.put(featureFlagCollection, { ...flag, version: 2 ** 40, createdAt: now, updatedAt: now })
        return done(null)
      },
    }
    const [before, bad, after] = await Promise.allSettled([appendWith('a'), run(ledger, tooBig, {}), appendWith('b')])
    expect([before.status, bad.status, after.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(items()).toEqual(['a', 'b'])
    expect(ledger.snapshot.view(featureFlagCollection).size).toBe(0)
    expect(ledger.snapshot.revision).toBe(2)
  })

  it('a snapshot that was taken stays as it was, whatever is committed later', async () => {
    await run(ledger, setFeatureFlag, { key: 'a' })
    const taken = ledger.snapshot
    const flag = taken.view(featureFlagCollection).get('a')
    await run(ledger, setFeatureFlag, { key: 'a', isEnabled: false })
    await run(ledger, setFeatureFlag, { key: 'b' })
    await run(ledger, deleteFeatureFlag, { key: 'a' })
    expect(taken.view(featureFlagCollection).get('a')).toBe(flag)
    expect(flag?.isEnabled).toBe(true)
    expect([...taken.view(featureFlagCollection).values()].map(({ key }) => key)).toEqual(['a'])
    expect([...ledger.snapshot.view(featureFlagCollection).values()].map(({ key }) => key)).toEqual(['b'])
  })

  it('setting what is already there makes no revision and no change row', async () => {
    const value = { a: [1, { b: null }], c: 'x' }
    const first = await run(ledger, setConfig, { key: 'k', value, description: 'd' })
    const second = await run(ledger, setConfig, { key: 'k', value: { c: 'x', a: [1, { b: null }] }, description: 'd' })
    expect(first).toMatchObject({ ok: true, revision: 1 })
    expect(second).toMatchObject({ ok: true, revision: null, changes: [] })
    expect(second.ok && second.value).toBe(ledger.snapshot.view(configEntryCollection).get('k'))
    expect((await collect(new ChangeLog(database).stream({}))).length).toBe(1)
  })

  it('an object that ends as it began within one batch of commands is stored as it is in memory', async () => {
    await Promise.all([
      run(ledger, setFeatureFlag, { key: 'a' }),
      run(ledger, deleteFeatureFlag, { key: 'a' }),
      run(ledger, setFeatureFlag, { key: 'a', group: 'again' }),
    ])
    const again = await openTestLedger(database)
    expect([...again.snapshot.view(featureFlagCollection).values()]).toEqual([...ledger.snapshot.view(featureFlagCollection).values()])
    expect(again.snapshot.revision).toBe(3)
    await again.close()
  })

  it('the same idempotency key gives the first answer and writes once; another input is refused', async () => {
    const first = await appendWith('a', 'key-1')
    const [again, together] = await Promise.all([appendWith('a', 'key-1'), appendWith('a', 'key-1')])
    expect(first).toMatchObject({ ok: true, revision: 1, value: { items: ['a'] }, isReplay: false })
    expect(again).toMatchObject({ ok: true, revision: 1, value: { items: ['a'] }, isReplay: true })
    expect(together).toEqual(again)
    await expect(appendWith('b', 'key-1')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
    expect(items()).toEqual(['a'])
    // Also in one batch: the second of two equal calls sees the first one's answer.
    const outcomes = await Promise.all([appendWith('c', 'key-2'), appendWith('c', 'key-2')])
    expect(outcomes.map((outcome) => outcome.ok && outcome.isReplay)).toEqual([false, true])
    expect(items()).toEqual(['a', 'c'])
  })

  it('goes on committing, and is followed, when a newer build has added columns to its tables', async () => {
    const follower = await openTestLedger(database)
    await appendWith('one', 'key')
    const tables = ['changes', 'idempotency_records', configEntryCollection.table]
    for (const table of tables) await database.pool.query(`ALTER TABLE ${table} ADD COLUMN newer int NOT NULL DEFAULT 7`)
    expect(await appendWith('two', 'other')).toMatchObject({ ok: true, revision: 2 })
    await follower.poll()
    expect(follower.snapshot.view(configEntryCollection).get('items')?.value).toEqual(['one', 'two'])
    expect(await appendWith('two', 'other')).toMatchObject({ ok: true, isReplay: true })
    const [change] = await new ChangeLog(database).ofRevision(2)
    expect(change).toMatchObject({ id: '2.0', operation: 'append', actor: { id: TESTER.id } })
    await follower.close()
    for (const table of tables) await database.pool.query(`ALTER TABLE ${table} DROP COLUMN newer`)
  })

  it('a plan tells what a commit then records, and changes nothing', async () => {
    await run(ledger, setFeatureFlag, { key: 'a' })
    const call = { command: setFeatureFlag, input: { key: 'a', isEnabled: false }, caller: TESTER, correlationId: 'test' }
    const plan = await ledger.plan(call)
    expect(ledger.snapshot.revision).toBe(1)
    const outcome = await ledger.commit(call)
    if (!plan.ok || !outcome.ok) throw new Error('both must be accepted')
    const without = (image: unknown) => ({ ...(image as object), updatedAt: null })
    expect(plan.changes.map(({ action, id, before, after }) => ({ action, id, before, after: without(after) }))).toEqual(
      outcome.changes.map(({ action, targetId, before, after }) => ({ action, id: targetId, before, after: without(after) })),
    )
  })

  it('a revert is refused as a whole where an object has moved since, naming it', async () => {
    await run(ledger, setConfig, { key: 'k', value: 1 })
    await run(ledger, setConfig, { key: 'k', value: 2 })
    await run(ledger, setConfig, { key: 'k', value: 3 })
    const changes = await new ChangeLog(database).ofRevision(2)
    const refusal = await run(ledger, createRevertCommand({ changes, collections: COLLECTIONS }), { revision: 2 })
    expect(refusal).toMatchObject({ ok: false, userErrors: [{ code: 'INVALID_STATE', message: expect.stringContaining('ConfigEntry k') }] })
    expect(ledger.snapshot.view(configEntryCollection).get('k')?.value).toBe(3)
    const nothing = await run(ledger, createRevertCommand({ changes: [], collections: COLLECTIONS }), { revision: 99 })
    expect(nothing).toMatchObject({ ok: false, userErrors: [{ code: 'NOT_FOUND' }] })
  })

  it('a reverted deletion brings the object back with its id and a version that was never used', async () => {
    const made = await run(ledger, setConfig, { key: 'k', value: { deep: ['x'] } })
    await run(ledger, deleteConfig, { key: 'k' })
    const changes = await new ChangeLog(database).ofRevision(2)
    await run(ledger, createRevertCommand({ changes, collections: COLLECTIONS }), { revision: 2 })
    const entry = ledger.snapshot.view(configEntryCollection).get('k')
    expect(entry).toMatchObject({ id: made.ok && made.value.id, value: { deep: ['x'] }, version: 2 })
  })

  it('text that cannot be stored and keys of clients are refused with their place, before anything is written', async () => {
    const key = `vk_test_${'a'.repeat(12)}_${'b'.repeat(32)}_123456`
    const outcome = await run(ledger, setFeatureFlag, {
      key: 'a',
      description: 'nul \u0000',
      variants: [{ name: '\ud800', weight: 1 }],
      group: key,
    })
    expect(outcome).toMatchObject({
      ok: false,
      userErrors: [
        { code: 'INVALID', field: ['description'] },
        { code: 'INVALID', field: ['variants', '0', 'name'] },
        { code: 'LOOKS_SECRET', field: ['group'] },
      ],
    })
    expect(JSON.stringify(outcome)).not.toContain(key)
    expect(ledger.snapshot.revision).toBe(0)
  })

  it('every fault of an input is reported at once, those of any input and those of the command', async () => {
    const input = JSON.parse('{ "key": "Bad Key!", "isMutable": null, "value": { "__proto__": 1 }, "expectedVersion": 3 }')
    const outcome = await run(ledger, setConfig, input)
    const fields = outcome.ok ? [] : outcome.userErrors.map(({ field }) => field?.join('.'))
    expect(fields.sort()).toEqual(['expectedVersion', 'isMutable', 'key', 'value.__proto__'])
    const secret = await run(ledger, setConfig, { key: 'Bad Key!', value: `postgresql://u:${'p'.repeat(12)}9@db/x`, isMutable: null })
    expect(secret.ok ? [] : secret.userErrors.map(({ code }) => code).sort()).toEqual(['INVALID', 'INVALID', 'LOOKS_SECRET'])
  })

  it('hears of every change once, in order, after its snapshot is in force', async () => {
    const heard: ChangeRecord[] = []
    ledger.onCommit((changes, snapshot) => {
      expect(ledger.snapshot).toBe(snapshot)
      heard.push(...changes)
    })
    await Promise.all(['a', 'b', 'c'].map((key) => run(ledger, setFeatureFlag, { key })))
    await run(ledger, deleteFeatureFlag, { key: 'b' })
    expect(heard.map(({ id, action, targetKey }) => `${id} ${action} ${targetKey}`)).toEqual([
      '1.0 CREATE a',
      '2.0 CREATE b',
      '3.0 CREATE c',
      '4.0 DELETE b',
    ])
  })

  it('after close, accepted commands are answered and new ones refused', async () => {
    const accepted = Array.from({ length: 20 }, (_, index) => appendWith(String(index)))
    const closing = ledger.close()
    await expect(appendWith('late')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await closing
    expect((await Promise.all(accepted)).every(({ ok }) => ok)).toBe(true)
  })
})

describe.runIf(ENGINES.includes('postgresql'))('two ledgers on one PostgreSQL database', () => {
  let database: Database
  let first: Ledger
  let second: Ledger

  beforeEach(async () => {
    database = await openTestDatabase('postgresql')
    first = await openTestLedger(database)
    second = await openTestLedger(database)
  })

  afterEach(async () => {
    await Promise.all([first.close(), second.close()])
    await database.close()
  })

  it('increments by expectedVersion from both sides are counted exactly, and both end on one digest', async () => {
    await run(first, setConfig, { key: 'n', value: 0 })
    let acknowledged = 0
    const writer = async (ledger: Ledger) => {
      for (let tries = 0; tries < 10; tries += 1) {
        await ledger.poll()
        const entry = ledger.snapshot.view(configEntryCollection).get('n')
        if (!entry) throw new Error('the entry is gone')
        const outcome = await run(ledger, setConfig, { key: 'n', value: Number(entry.value) + 1, expectedVersion: entry.version })
        if (outcome.ok) acknowledged += 1
      }
    }
    await Promise.all(Array.from({ length: 16 }, (_, index) => writer(index % 2 ? first : second)))
    await Promise.all([first.poll(), second.poll()])
    expect(first.snapshot.view(configEntryCollection).get('n')).toMatchObject({ value: acknowledged, version: acknowledged + 1 })
    expect({ revision: second.snapshot.revision, digest: second.snapshot.digest }).toEqual({
      revision: first.snapshot.revision,
      digest: first.snapshot.digest,
    })
    expect(acknowledged).toBeGreaterThanOrEqual(10)
  })

  it('a version that one has just written is never stale to the other, even before it has followed', async () => {
    await run(first, setConfig, { key: 'n', value: 0 })
    const outcome = await run(second, setConfig, { key: 'n', value: 1, expectedVersion: 1 })
    expect(outcome).toMatchObject({ ok: true, revision: 2 })
    expect(await run(first, setConfig, { key: 'n', value: 2, expectedVersion: 1 })).toMatchObject({
      ok: false,
      userErrors: [{ code: 'STALE_VERSION' }],
    })
  })

  it('an idempotency key that one has used is known to the other', async () => {
    const call = { command: append, input: { item: 'a' }, caller: TESTER, correlationId: 'test', idempotencyKey: 'k' }
    const outcomes = await Promise.all([first.commit(call), second.commit(call)])
    expect(outcomes.map((outcome) => outcome.ok && outcome.revision)).toEqual([1, 1])
    await first.poll()
    expect(first.snapshot.view(configEntryCollection).get('items')?.value).toEqual(['a'])
  })

  it('one that follows hears of the same changes, with the records as they are', async () => {
    const heard: string[] = []
    second.onCommit((changes) => heard.push(...changes.map(({ id }) => id)))
    await run(first, setFeatureFlag, { key: 'a' })
    await Promise.all([run(first, setFeatureFlag, { key: 'b' }), run(first, deleteFeatureFlag, { key: 'a' })])
    await second.poll()
    expect(heard).toEqual(['1.0', '2.0', '3.0'])
    expect([...second.snapshot.view(featureFlagCollection).values()]).toEqual([...first.snapshot.view(featureFlagCollection).values()])
  })
})
