import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Retention } from '../../src/core/background/retention.js'
import type { Database } from '../../src/core/database/database.js'
import { streamChanges } from '../../src/core/graphql/change-stream.js'
import { ChangeLog, type ChangeLogFilter } from '../../src/core/ledger/change-log.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { openTestLedger, run } from '../testkit/ledger.js'
import { putBack } from '../testkit/put-back.js'

const PUT_BACK = { code: 'BAD_USER_INPUT', message: expect.stringContaining('put back to an earlier state') }

describe.each(ENGINES)('when the database on %s is put back to an earlier state', (engine) => {
  let database: Database
  let ledger: Ledger

  beforeEach(async () => {
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database)
    for (const key of ['one', 'two']) await run(ledger, setFeatureFlag, { key })
  })

  afterEach(async () => {
    await ledger.close()
    await database.close()
  })

  const keysOf = (of: Ledger) => [...of.snapshot.view(featureFlagCollection).values()].map(({ key }) => key)
  const stream = (filter: ChangeLogFilter) => streamChanges({ ledger, changeLog: new ChangeLog(database) }, filter)
  /** Another process that begins on what the database holds now. */
  async function writeElsewhere(...keys: string[]): Promise<void> {
    const other = await openTestLedger(database)
    for (const key of keys) await run(other, setFeatureFlag, { key })
    await other.close()
  }

  it('a stream that waits ends with what to do, and the process goes on', async () => {
    const waiting = stream({}).next()
    await putBack(database, 1, ['one'])
    await ledger.poll()
    await expect(waiting).rejects.toMatchObject(PUT_BACK)
    expect(await run(ledger, setFeatureFlag, { key: 'three' })).toMatchObject({ ok: true, revision: 2 })
  })

  it('a stream does not go on with changes that build on another past', async () => {
    const waiting = stream({}).next()
    await putBack(database, 1, ['one'])
    await writeElsewhere('three', 'four', 'five')
    await ledger.poll()
    await expect(waiting).rejects.toMatchObject(PUT_BACK)
  })

  it('one that was written to since is not mistaken for one that has gone on', async () => {
    await putBack(database, 1, ['one'])
    await writeElsewhere('three', 'four')
    await ledger.poll()
    expect(keysOf(ledger)).toEqual(['four', 'one', 'three'])
    expect(ledger.snapshot.revision).toBe(3)
  })

  it('a process that stands on the checkpoint of a shortened log goes on from it', async () => {
    const behind = await openTestLedger(database)
    let reloads = 0
    behind.onCommit((changes) => {
      if (changes.length === 0) reloads += 1
    })
    await run(ledger, setFeatureFlag, { key: 'three' })
    const later = { now: () => new Date(Date.now() + 40 * 86_400_000), monotonicMs: systemClock.monotonicMs }
    const log = pino({ level: 'silent' })
    await new Retention({ database, clock: later, log, days: { changes: 1, auditEvents: 0 }, auditKey: undefined }).run()
    await behind.poll()
    expect([keysOf(behind), reloads]).toEqual([['one', 'three', 'two'], 0])
    await behind.close()
  })
})

describe.each(ENGINES)('when a process on %s has to load its state anew', (engine) => {
  let database: Database
  let ledger: Ledger
  let follower: Ledger
  let clock: HandClock

  beforeEach(async () => {
    clock = new HandClock()
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database, { clock })
    await run(ledger, setFeatureFlag, { key: 'one' })
    follower = await openTestLedger(database, { clock })
  })

  afterEach(async () => {
    await Promise.all([ledger.close(), follower.close()])
    await database.close()
  })

  const stream = (filter: ChangeLogFilter) => streamChanges({ ledger: follower, changeLog: new ChangeLog(database) }, filter)
  async function shorten(): Promise<void> {
    clock.pass(40 * 86_400_000)
    const days = { changes: 1, auditEvents: 0 }
    await new Retention({ database, clock, log: pino({ level: 'silent' }), days, auditKey: undefined }).run()
  }

  it('a stream whose next changes were taken away says where the log begins, and leaves no silent gap', async () => {
    const waiting = stream({}).next()
    for (const key of ['two', 'three', 'four']) await run(ledger, setFeatureFlag, { key })
    await shorten()
    await follower.poll()
    await expect(waiting).rejects.toMatchObject({ code: 'BAD_USER_INPUT', extensions: { firstSinceRevision: 3 } })
  })

  it('a stream that waits for a revision still to come goes on waiting for it', async () => {
    const changes = stream({ sinceRevision: 4 })
    const waiting = changes.next()
    for (const key of ['two', 'three', 'four']) await run(ledger, setFeatureFlag, { key })
    await shorten()
    await follower.poll()
    expect(follower.snapshot.revision).toBe(4)
    await run(ledger, setFeatureFlag, { key: 'five' })
    await follower.poll()
    expect((await waiting).value).toMatchObject({ revision: 5, targetKey: 'five' })
    await changes.return()
  })
})
