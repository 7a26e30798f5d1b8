import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { Draft } from '../../src/core/state/draft.js'
import { adminOperations } from '../../src/packs/admin-operations/index.js'
import { type BoundStep, createAdminCommand } from '../../src/packs/admin-operations/operations/admin-operation.command.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { commandContext } from '../testkit/commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { openTestLedger, run, TESTER } from '../testkit/ledger.js'

const STEPS = 1_000

function stepsOf(count: number): BoundStep[] {
  const command = setFeatureFlag as unknown as BoundStep['command']
  return Array.from({ length: count }, (_, index) => ({ name: 'setFeatureFlag', command, input: { key: `flag-${index}` } }))
}

describe.each(ENGINES)('an operation of a thousand steps on %s', (engine) => {
  let database: Database
  let ledger: Ledger

  beforeEach(async () => {
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database, { collections: [featureFlagCollection, ...adminOperations.collections] })
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await ledger.close()
    await database.close()
  })

  it('lands as one revision, each change with its step', async () => {
    const outcome = await run(ledger, createAdminCommand({ steps: stepsOf(STEPS) }), {})
    if (!outcome.ok) throw new Error('it was refused')
    expect([outcome.revision, outcome.changes.length]).toEqual([1, STEPS])
    expect(outcome.value.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, index) => index))
    expect(ledger.snapshot.view(featureFlagCollection).size).toBe(STEPS)
  })

  it('is wholly in the database then, and not at all when it refuses the row of the last step', async () => {
    const steps = stepsOf(STEPS)
    const last = { key: 'last', description: 'nul \u0000' }
    const spoilt = [...steps, { ...steps[0], input: last } as BoundStep]
    await expect(run(ledger, createAdminCommand({ steps: spoilt }), {})).rejects.toThrow('unsupported Unicode escape sequence')
    const rows = async () => {
      const text =
        'SELECT (SELECT count(*) FROM feature_flags)::int AS flags, (SELECT count(*) FROM changes)::int AS changes, revision FROM ledger_head'
      return (await database.pool.query(text)).rows
    }
    expect(await rows()).toEqual([{ flags: 0, changes: 0, revision: 0 }])
    await run(ledger, createAdminCommand({ steps }), {})
    expect(await rows()).toEqual([{ flags: STEPS, changes: STEPS, revision: 1 }])
  })

  it('looks at each changed object once, however many steps there are', async () => {
    const look = vi.spyOn(featureFlagCollection, 'imageOf')
    await createAdminCommand({ steps: stepsOf(STEPS) }).run(
      new Draft(ledger.snapshot),
      {},
      commandContext({ caller: TESTER, now: new Date('2026-06-01T12:00:00Z') }),
    )
    expect(look).toHaveBeenCalledTimes(STEPS)
  })

  it('lets others have their turns meanwhile', async () => {
    let [turns, isOver] = [0, false]
    const turn = (): void => {
      turns += 1
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const plan = await ledger.plan({
      command: createAdminCommand({ steps: stepsOf(STEPS) }),
      input: {},
      caller: TESTER,
      correlationId: 'test',
    })
    isOver = true
    expect(plan.ok).toBe(true)
    // Before the steps are looked at, run, and shown: more of them where that takes long.
    expect(turns).toBeGreaterThanOrEqual(3)
  })

  it('says of an object that several steps have changed which was the last, also where it was deleted and made again', async () => {
    const step = (name: string, input: object, command: unknown): BoundStep => ({ name, input, command: command as BoundStep['command'] })
    const set = (isEnabled: boolean) => step('setFeatureFlag', { key: 'a', isEnabled }, setFeatureFlag)
    const gone = {
      name: 'gone',
      isRevertible: true,
      run(draft: Draft) {
        draft.delete(featureFlagCollection, 'a')
        return { ok: true, value: null }
      },
    }
    await run(ledger, setFeatureFlag, { key: 'a' })
    const plan = await run(ledger, createAdminCommand({ steps: [set(false), step('gone', {}, gone), set(true), set(false)] }), {})
    expect(plan.ok && plan.value.map(({ action, step: last }) => [action, last])).toEqual([
      ['DELETE', 1],
      ['CREATE', 3],
    ])
  })
})
