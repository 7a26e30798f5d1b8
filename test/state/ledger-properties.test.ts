import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import { GENESIS_DIGEST, verifyChain } from '../../src/core/ledger/digest.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { Store } from '../../src/core/ledger/store.js'
import type { ChangeRecord } from '../../src/core/state/change.js'
import { createRevertCommand } from '../../src/core/state/revert.js'
import { configEntryCollection } from '../../src/packs/config-registry/config-entry.collection.js'
import { setConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { AUDIT_KEY, COLLECTIONS, collect, openTestLedger, run } from '../testkit/ledger.js'
import { replay } from '../testkit/replay.js'
import { anyCall, contentsOf, substanceOf } from './random-commands.js'

const RUNS = 30

async function wholeLog(database: Database): Promise<ChangeRecord[]> {
  return collect(new ChangeLog(database).stream({}))
}

describe.each(ENGINES)('for random commands on %s', (engine) => {
  let database: Database
  let ledger: Ledger

  beforeAll(async () => {
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database)
  })

  afterAll(async () => {
    await ledger.close()
    await database.close()
  })

  it('the snapshot equals a replay of the log and a fresh load from the tables, and revisions have no gap', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyCall, { minLength: 1, maxLength: 20 }), fc.boolean(), async (calls, areTogether) => {
        const before = ledger.snapshot.revision
        const commit = ({ command, input }: (typeof calls)[number]) => run(ledger, command, input)
        const outcomes = []
        if (areTogether) outcomes.push(...(await Promise.all(calls.map(commit))))
        else for (const call of calls) outcomes.push(await commit(call))
        const revisions = outcomes.flatMap((outcome) => (outcome.ok && outcome.revision !== null ? [outcome.revision] : []))
        expect(revisions.toSorted((a, b) => a - b)).toEqual(revisions.map((_, index) => before + 1 + index))

        const log = await wholeLog(database)
        const fresh = await new Store(database, COLLECTIONS).loadAll()
        const replayed = replay(COLLECTIONS, log)
        expect(contentsOf(fresh)).toEqual(contentsOf(ledger.snapshot))
        expect(contentsOf(replayed)).toEqual(contentsOf(ledger.snapshot))
        const position = { revision: ledger.snapshot.revision, digest: ledger.snapshot.digest }
        expect({ revision: fresh.revision, digest: fresh.digest }).toEqual(position)
        if (log.length > 0) expect({ revision: replayed.revision, digest: replayed.digest }).toEqual(position)
      }),
      { numRuns: RUNS },
    )
    const start = { revision: 0, digest: GENESIS_DIGEST }
    const verdict = await verifyChain(AUDIT_KEY, { start, head: ledger.snapshot }, await wholeLog(database))
    expect(verdict).toMatchObject({ isIntact: true, checkedRevisions: ledger.snapshot.revision, firstBrokenRevision: null })
  })

  it('a revert right after a commit gives the contents before it, in memory and in the tables', async () => {
    await fc.assert(
      fc.asyncProperty(anyCall, async ({ command, input }) => {
        const before = substanceOf(ledger.snapshot)
        const outcome = await run(ledger, command, input)
        // What changed nothing has nothing to put back: it is not counted as a run.
        fc.pre(outcome.ok && outcome.revision !== null)
        if (!outcome.ok || outcome.revision === null) return
        const changes = await new ChangeLog(database).ofRevision(outcome.revision)
        const revert = await run(ledger, createRevertCommand({ changes, collections: COLLECTIONS }), { revision: outcome.revision })
        expect(revert).toMatchObject({ ok: true, revision: outcome.revision + 1 })
        expect(substanceOf(ledger.snapshot)).toEqual(before)
        expect(contentsOf(await new Store(database, COLLECTIONS).loadAll())).toEqual(contentsOf(ledger.snapshot))
        // Goes on from a changed state, so that later runs meet existing records.
        await run(ledger, command, input)
      }),
      { numRuns: RUNS },
    )
  })

  it('a negative zero is a zero, in memory as in the tables', async () => {
    await run(ledger, setConfig, { key: 'zero', value: -0 })
    await run(ledger, setConfig, { key: 'zeros', value: { a: -0, b: [1, { c: [-0] }] } })
    const fresh = await new Store(database, COLLECTIONS).loadAll()
    const valuesOf = (state: typeof fresh) => ['zero', 'zeros'].map((key) => state.view(configEntryCollection).get(key)?.value)
    expect(valuesOf(fresh)).toEqual([0, { a: 0, b: [1, { c: [0] }] }])
    expect(valuesOf(ledger.snapshot)).toEqual(valuesOf(fresh))
  })
})
