import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { newId } from '../../src/core/platform/ids.js'
import { findRevertSubject } from '../../src/core/state/revert.js'
import { createAdminCommand } from '../../src/packs/admin-operations/operations/admin-operation.command.js'
import {
  guardedOperationCollection,
  guardedOperationOf,
} from '../../src/packs/admin-operations/smoke-guard/guarded-operation.collection.js'
import {
  type Claim,
  createPutBackCommand,
  createSettleCommand,
  leaseGuardedOperation,
} from '../../src/packs/admin-operations/smoke-guard/guarded-operation.commands.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { ENGINES, openTestDatabase, usePostgres } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { openTestLedger, run } from '../testkit/ledger.js'

const COLLECTIONS = [featureFlagCollection, guardedOperationCollection]
const HOUR_MS = 3_600_000

let database: Database
let ledger: Ledger
let clock: HandClock

const open = async (engine: (typeof ENGINES)[number]) => {
  clock = new HandClock()
  database = await openTestDatabase(engine)
  ledger = await openTestLedger(database, { clock, collections: COLLECTIONS })
}

afterEach(async () => {
  await ledger.close()
  await database.close()
})

/** Commits an operation that is to be proved by `instanceId`. */
async function begin(key: string, instanceId = 'a') {
  const claim: Claim = { id: newId(), instanceId }
  const step = { name: 'setFeatureFlag', command: setFeatureFlag as never, input: { key } }
  const outcome = await run(ledger, createAdminCommand({ steps: [step], claim }), {})
  if (!outcome.ok || outcome.revision === null) throw new Error('the operation was not committed')
  const { revision, changes, value } = outcome
  const subject = await findRevertSubject(new ChangeLog(database), { changes, collections: COLLECTIONS })
  const hold = (by = claim) => createSettleCommand({ claim: by, run: null })
  const putBack = (by = claim) => createPutBackCommand({ claim: by, run: null, failure: 'it failed', subject })
  return { claim, revision, changes, plan: value, hold, putBack, now: () => guardedOperationOf(ledger.snapshot, revision) }
}
const lease = (on: Ledger, claim: Claim, isShared: boolean) => run(on, leaseGuardedOperation, { ...claim, isShared })

describe.each(ENGINES)('a guarded operation on %s', (engine) => {
  beforeEach(() => open(engine))

  it('is noted by the revision that it is committed as, and by no plan', async () => {
    const { revision, changes, plan, now } = await begin('one')
    expect(changes.map(({ targetType, revision: at }) => [targetType, at])).toEqual([
      ['FeatureFlag', revision],
      ['GuardedOperation', revision],
    ])
    expect(plan.map(({ targetType }) => targetType)).toEqual(['FeatureFlag'])
    expect(now()).toMatchObject({ revision, status: 'PROVING', instanceId: 'a', actor: { id: 'tester' } })
  })

  it('is settled once: of two verdicts at the same time one is refused, and what it is about is as the other one says', async () => {
    for (const isHeldFirst of [true, false]) {
      const { hold, putBack, revision, now } = await begin(`both-${isHeldFirst}`)
      const [first, second] = isHeldFirst ? [hold(), putBack()] : [putBack(), hold()]
      const outcomes = await Promise.all([run(ledger, first as never, { revision }), run(ledger, second as never, { revision })])
      expect(outcomes.map(({ ok }) => ok)).toEqual([true, false])
      expect(now()?.status).toBe(isHeldFirst ? 'HELD' : 'REVERTED')
      expect(ledger.snapshot.view(featureFlagCollection).get(`both-${isHeldFirst}`) !== undefined).toBe(isHeldFirst)
    }
  })

  it('is put back and settled by one revision', async () => {
    const { putBack, revision, now } = await begin('back')
    const outcome = await run(ledger, putBack(), { revision })
    if (!outcome.ok) throw new Error('it was not put back')
    expect(outcome.changes.map(({ operation, targetType, action }) => [operation, targetType, action])).toEqual([
      ['revertRevision', 'FeatureFlag', 'DELETE'],
      ['revertRevision', 'GuardedOperation', 'UPDATE'],
    ])
    expect(now()).toMatchObject({ status: 'REVERTED', revertRevision: outcome.revision })
  })

  it('that cannot be put back as a whole stays as a whole, and says why', async () => {
    const claim = { id: newId(), instanceId: 'a' }
    const steps = ['first', 'second'].map((key) => ({ name: 'setFeatureFlag', command: setFeatureFlag as never, input: { key } }))
    const committed = await run(ledger, createAdminCommand({ steps, claim }), {})
    if (!committed.ok || committed.revision === null) throw new Error('the operation was not committed')
    await run(ledger, setFeatureFlag, { key: 'first', description: 'moved' })
    const { revision, changes } = committed
    const subject = await findRevertSubject(new ChangeLog(database), { changes, collections: COLLECTIONS })
    const outcome = await run(ledger, createPutBackCommand({ claim, run: null, failure: 'it failed', subject }), { revision })
    expect(outcome.ok && outcome.changes.map(({ targetType }) => targetType)).toEqual(['GuardedOperation'])
    expect(ledger.snapshot.view(featureFlagCollection).size).toBe(2)
    expect(guardedOperationOf(ledger.snapshot, revision)).toMatchObject({
      status: 'UNPROVED',
      revertRevision: null,
      message: `It failed. Revision ${revision} could not be put back, and is in force: FeatureFlag first has changed since revision ${revision}; reverting would overwrite that. Run the smoke test, and put it back with revertRevision(input: { revision: ${revision} }) if it fails.`,
    })
  })

  it('is open to another process once its lease has run out, and closed to the first one then', async () => {
    const { claim, hold, now } = await begin('lease')
    const other = { ...claim, instanceId: 'b' }
    clock.pass(9_999)
    expect((await lease(ledger, other, true)).ok).toBe(false)
    expect((await run(ledger, hold(other), {})).ok).toBe(false)
    clock.pass(1)
    expect((await lease(ledger, other, true)).ok).toBe(true)
    expect((await lease(ledger, claim, true)).ok).toBe(false)
    expect((await run(ledger, hold(), {})).ok).toBe(false)
    expect((await run(ledger, hold(other), {})).ok).toBe(true)
    expect(now()).toMatchObject({ status: 'HELD', instanceId: 'b' })
    expect((await lease(ledger, other, true)).ok).toBe(false)
  })

  it('stays with a process that renews its lease', async () => {
    const { claim } = await begin('renewed')
    clock.pass(8_000)
    expect((await lease(ledger, claim, true)).ok).toBe(true)
    clock.pass(8_000)
    expect((await lease(ledger, { ...claim, instanceId: 'b' }, true)).ok).toBe(false)
  })

  it('is open at once where one process at a time uses the database', async () => {
    const { claim } = await begin('alone')
    expect((await lease(ledger, { ...claim, instanceId: 'b' }, false)).ok).toBe(true)
  })

  it('is forgotten by the next verdict once no idempotency key can lead to it, unless it is not settled', async () => {
    const settled = await begin('settled')
    await run(ledger, settled.hold(), {})
    const unsettled = await begin('unsettled')
    clock.pass(24 * HOUR_MS)
    await run(ledger, (await begin('day')).hold(), {})
    expect(settled.now()?.status).toBe('HELD')
    clock.pass(1)
    await run(ledger, (await begin('next')).hold(), {})
    expect(settled.now()).toBe(undefined)
    expect(unsettled.now()?.status).toBe('PROVING')
    expect((await openTestLedger(database, { collections: COLLECTIONS })).snapshot.view(guardedOperationCollection).size).toBe(3)
  })
})

describe.runIf(await usePostgres())('a guarded operation that two replicas settle at once', () => {
  beforeEach(() => open('postgresql'))

  it('is what one of them says, on both', async () => {
    const other = await openTestLedger(database, { clock, collections: COLLECTIONS })
    for (let round = 0; round < 5; round += 1) {
      const { claim, hold, putBack, revision, now } = await begin(`round-${round}`)
      clock.pass(10_000)
      const takenOver = { ...claim, instanceId: 'b' }
      const [held, leased] = await Promise.all([run(ledger, hold(), {}), lease(other, takenOver, true)])
      const late = await run(other, putBack(takenOver), { revision })
      expect([leased.ok, late.ok]).toEqual([!held.ok, !held.ok])
      await ledger.catchUp()
      expect([now()?.status, guardedOperationOf(other.snapshot, revision)?.status]).toEqual(
        held.ok ? ['HELD', 'HELD'] : ['REVERTED', 'REVERTED'],
      )
    }
    await other.close()
  })
})
