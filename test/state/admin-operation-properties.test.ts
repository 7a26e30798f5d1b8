import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { CalledNames } from '../../src/core/history/called.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { Store } from '../../src/core/ledger/store.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { newId } from '../../src/core/platform/ids.js'
import type { Command } from '../../src/core/state/command.js'
import { createRevertCommand } from '../../src/core/state/revert.js'
import type { Snapshot } from '../../src/core/state/snapshot.js'
import type { JsonObject } from '../../src/core/values/json.js'
import { type BoundStep, bindStep, createAdminCommand } from '../../src/packs/admin-operations/operations/admin-operation.command.js'
import { apiClientCollection } from '../../src/packs/api-clients/api-client.collection.js'
import { packs } from '../../src/packs/index.js'
import { clientWithKey } from '../testkit/api-clients.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { openTestLedger, run, TESTER } from '../testkit/ledger.js'

const RUNS = 60
const COLLECTIONS = packs.flatMap(({ collections }) => collections)
const STEPS = packs.flatMap(({ writes = [] }) => writes).filter(({ step }) => step !== undefined)

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const key = fc.constantFrom('a', 'b', 'c')
const text = maybe(fc.constantFrom('x', 'y', null))
const mode = fc.constantFrom('NORMAL', 'READ_ONLY', 'MAINTENANCE')
/** Ids that exist are filled in when the step is bound: a number names one of them. */
const someId = fc.nat({ max: 3 })

/** Inputs of every step there is. A step without inputs here fails the test: nothing is left out by being new. */
const INPUTS: Readonly<Record<string, fc.Arbitrary<object>>> = {
  setFeatureFlag: fc.record({ key, isEnabled: maybe(fc.boolean()), description: text }),
  deleteFeatureFlag: fc.record({ key }),
  setConfig: fc.record({ key, value: maybe(fc.integer()), isMutable: maybe(fc.constantFrom(true, true, false)), description: text }),
  deleteConfig: fc.record({ key }),
  setMaintenanceMode: fc.record({ mode, reason: text }),
  scheduleMaintenanceWindow: fc.record({
    startsAt: fc.constant(new Date('2098-01-01T00:00:00Z')),
    endsAt: fc.constantFrom(new Date('2098-01-01T01:00:00Z'), new Date('2098-01-02T00:00:00Z')),
    mode: fc.constantFrom('READ_ONLY', 'MAINTENANCE'),
    description: text,
  }),
  updateMaintenanceWindow: fc.record({
    id: someId,
    endsAt: maybe(fc.constantFrom(new Date('2098-01-01T02:00:00Z'), new Date('2097-01-01T00:00:00Z'))),
    mode: maybe(fc.constantFrom('READ_ONLY', 'MAINTENANCE')),
    description: text,
  }),
  cancelMaintenanceWindow: fc.record({ id: someId }),
  setRateLimitRule: fc.record({
    scope: fc.constantFrom('GLOBAL', 'IP', 'API_KEY'),
    key: fc.constant('*'),
    maxRequests: maybe(fc.integer({ min: 1, max: 9 })),
    isShadow: maybe(fc.boolean()),
  }),
  deleteRateLimitRule: fc.record({ id: someId }),
  updateApiClient: fc.record({
    id: someId,
    name: maybe(fc.constantFrom('x', 'y')),
    role: maybe(fc.constantFrom('OBSERVER', 'OPERATOR', 'ADMIN')),
    description: text,
    expiresAt: maybe(fc.constantFrom(new Date('2098-01-01T00:00:00Z'), null)),
  }),
  activateApiClient: fc.record({ id: someId }),
  deactivateApiClient: fc.record({ id: someId }),
  setSmokeCheck: fc.record({ name: key, kind: fc.constant('HTTP'), path: fc.constantFrom('/x', '/y'), isBlocking: maybe(fc.boolean()) }),
  deleteSmokeCheck: fc.record({ name: key }),
  unlockConfig: fc.record({ key, reason: fc.constant('a reason') }),
  updateSystemVersion: fc.record({ version: maybe(fc.constantFrom('1.0.0', '1.1.0', '2.0.0')), notes: text }),
  markBackendComplete: fc.record({ notes: text }),
  markBackendIncomplete: fc.record({ notes: text }),
  restoreObject: fc.record({
    targetType: fc.constantFrom('FeatureFlag', 'ConfigEntry', 'MaintenanceState'),
    targetKey: fc.constantFrom('a', 'b', 'maintenance'),
    revision: fc.nat(),
  }),
}
/** Of which collection an `id` is. */
const ID_OF: Readonly<Record<string, string>> = {
  updateMaintenanceWindow: 'MaintenanceWindow',
  cancelMaintenanceWindow: 'MaintenanceWindow',
  deleteRateLimitRule: 'RateLimitRule',
  updateApiClient: 'ApiClient',
  activateApiClient: 'ApiClient',
  deactivateApiClient: 'ApiClient',
}
const anySteps = fc.array(fc.oneof(...Object.entries(INPUTS).map(([name, input]) => input.map((value) => ({ name, input: value })))), {
  minLength: 1,
  maxLength: 4,
})

function contents(snapshot: Snapshot): Record<string, JsonObject[]> {
  return Object.fromEntries(
    COLLECTIONS.map((collection) => [
      collection.name,
      [...snapshot.table(collection.name).values()].map((record) => collection.imageOf(record)),
    ]),
  )
}

/** Contents without what counts edits, and without rows that stand for "never set". */
function substance(snapshot: Snapshot): unknown {
  const counters = new Map(COLLECTIONS.map((collection) => [collection.name, new Set(['updatedAt', collection.version])]))
  return Object.fromEntries(
    Object.entries(contents(snapshot)).map(([name, images]) => [
      name,
      images.map((image) => Object.fromEntries(Object.entries(image).filter(([field]) => !counters.get(name)?.has(field)))),
    ]),
  )
}

describe.each(ENGINES.slice(0, 1))('admin operations of random steps on %s', (engine) => {
  let database: Database
  let ledger: Ledger

  beforeAll(async () => {
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database, { collections: COLLECTIONS })
    const addClient: Command<{ role: 'ADMIN' | 'OBSERVER' }, null> = {
      name: 'addClient',
      isRevertible: false,
      run(draft, { role }) {
        draft.put(apiClientCollection, clientWithKey({ role, name: newId() }).client)
        return { ok: true, value: null }
      },
    }
    for (const role of ['ADMIN', 'OBSERVER', 'OBSERVER'] as const) await run(ledger, addClient, { role })
  })

  afterAll(async () => {
    await ledger.close()
    await database.close()
  })

  function bind(steps: readonly { name: string; input: object }[]): Promise<BoundStep[]> {
    const bound = steps.map(({ name, input }) => {
      const step = STEPS.find((known) => known.name === name)
      if (!step) throw new Error(`there is no step ${name}`)
      const ids = ID_OF[name] ? [...ledger.snapshot.table(ID_OF[name]).values()].map((record) => (record as { id: string }).id) : []
      const given =
        'id' in input && typeof input.id === 'number' ? { ...input, id: ids[input.id % Math.max(1, ids.length)] ?? 'none' } : input
      const at = 'revision' in input ? { ...given, revision: Number(input.revision) % ledger.snapshot.revision } : given
      const tools = { database, clock: systemClock, changeLog: new ChangeLog(database) }
      return bindStep({ ...tools, ledger, collections: COLLECTIONS, names: new CalledNames(tools) }, step, at)
    })
    return Promise.all(bound)
  }

  it('every step that the schema offers is among the random ones', () => {
    expect(STEPS.map(({ name }) => name).sort()).toEqual(Object.keys(INPUTS).sort())
  })

  it('a plan equals what its application records, and a revert gives the contents before it, in memory and in the tables', async () => {
    const applied = new Map<string, number>()
    // Ids and times of what is made differ each time, also where something is deleted and made again within one operation.
    const essence = (changes: readonly { action: string; before: JsonObject | null; after: JsonObject | null }[]) =>
      changes.map(({ action, before, after }) => ({
        action,
        before,
        after: after && {
          ...after,
          updatedAt: null,
          completedAt: null,
          ...(before?.['id'] === after['id'] ? {} : { id: null, createdAt: null }),
        },
      }))
    await fc.assert(
      fc.asyncProperty(anySteps, async (given) => {
        const steps = await bind(given)
        const before = substance(ledger.snapshot)
        const write = { command: createAdminCommand({ steps }), input: { steps: [] }, caller: TESTER, correlationId: 'test' }
        const plan = await ledger.plan(write)
        const outcome = await ledger.commit(write)
        expect(outcome.ok).toBe(plan.ok)
        if (!plan.ok || !outcome.ok) {
          expect(substance(ledger.snapshot)).toEqual(before)
          return
        }
        expect(essence(outcome.changes)).toEqual(essence(plan.value))
        if (outcome.revision === null) return
        for (const { name } of steps) applied.set(name, (applied.get(name) ?? 0) + 1)

        const changes = await new ChangeLog(database).ofRevision(outcome.revision)
        const reverted = await run(ledger, createRevertCommand({ changes, collections: COLLECTIONS }), { revision: outcome.revision })
        expect(reverted).toMatchObject({ ok: true })
        expect(substance(ledger.snapshot)).toEqual(before)
        expect(contents(await new Store(database, COLLECTIONS).loadAll())).toEqual(contents(ledger.snapshot))
        // Goes on from a changed state, so that later steps meet what earlier ones made.
        await ledger.commit({ ...write, command: createAdminCommand({ steps: await bind(given) }) })
      }),
      { numRuns: RUNS },
    )
    console.log(`steps applied and reverted: ${JSON.stringify(Object.fromEntries(applied))}`)
    expect(applied.size).toBeGreaterThan(6)
  })
})
