import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestDatabase } from '../../../../test/testkit/databases.js'
import { coreOf } from '../../../../test/testkit/guarded-schema.js'
import { openTestLedger, run, TESTER } from '../../../../test/testkit/ledger.js'
import { UsageMarks } from '../../../core/background/usage.js'
import type { CoreServices } from '../../../core/contract/core-services.js'
import type { Database } from '../../../core/database/database.js'
import type { Ledger } from '../../../core/ledger/ledger.js'
import { createLog } from '../../../core/platform/log.js'
import { type Command, done } from '../../../core/state/command.js'
import { featureFlagCollection } from '../feature-flag.collection.js'
import { setFeatureFlag } from '../feature-flag.commands.js'
import type { FlagStrategy } from './evaluation.js'
import { EvaluationResolver } from './evaluation.resolver.js'

/** Breaks a flag as no command would: its evaluation fails. */
const breakFlag: Command<{ key: string }, null> = {
  name: 'breakFlag',
  isRevertible: false,
  run(draft, { key }) {
    const flag = draft.get(featureFlagCollection, key)
    const broken = { constraints: null, rolloutPercent: 100, stickiness: 'default', groupId: null } as unknown as FlagStrategy
    if (flag) draft.put(featureFlagCollection, { ...flag, strategies: [broken], version: flag.version + 1 })
    return done(null)
  },
}

let database: Database
let ledger: Ledger
let core: CoreServices
const resolver = new EvaluationResolver()
let elapsedMs: number
let lines: { level: string; flag: string; msg: string; err: { type: string } }[]

beforeEach(async () => {
  elapsedMs = 1_000
  lines = []
  database = await openTestDatabase('pglite')
  ledger = await openTestLedger(database)
  const clock = { now: () => new Date('2026-06-01T12:00:00Z'), monotonicMs: () => elapsedMs }
  const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) })
  core = coreOf({ clock, log, usage: new UsageMarks({ database, clock, log }) })
  for (const key of ['a', 'b']) {
    await run(ledger, setFeatureFlag, { key })
    await run(ledger, breakFlag, { key })
  }
})
afterEach(async () => {
  await ledger.close()
  await database.close()
})

it('an evaluation that fails answers the default, and is logged once per flag and minute', async () => {
  const context = () => ({ snapshot: ledger.snapshot, core, caller: TESTER })
  for (const defaultValue of [true, false]) {
    expect(resolver.evaluateFlag(context(), 'a', {}, defaultValue)).toMatchObject({ isEnabled: defaultValue, reason: 'ERROR' })
    expect(resolver.isFeatureEnabled(context(), 'a', {}, defaultValue)).toBe(defaultValue)
  }
  expect(lines).toMatchObject([
    { level: 'error', flag: 'a', msg: 'evaluation failed; the default was answered', err: { type: 'TypeError' } },
  ])
  const evaluations = await Promise.all(resolver.evaluateFlags(context(), ['a', 'b', 'unknown']))
  expect(evaluations.map(({ reason }) => reason)).toEqual(['ERROR', 'ERROR', 'DEFAULT'])
  expect(lines.map(({ flag }) => flag)).toEqual(['a', 'b'])
  elapsedMs += 59_999
  resolver.evaluateFlags(context())
  expect(lines).toHaveLength(2)
  elapsedMs += 1
  resolver.evaluateFlags(context())
  resolver.evaluateFlags(context())
  expect(lines.map(({ flag }) => flag)).toEqual(['a', 'b', 'a', 'b'])
})
