import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestDatabase } from '../../../test/testkit/databases.js'
import { contextOf, coreOf } from '../../../test/testkit/guarded-schema.js'
import { HandClock } from '../../../test/testkit/hand-clock.js'
import { TESTER } from '../../../test/testkit/ledger.js'
import { ruleWith } from '../../../test/testkit/limits.js'
import type { Database } from '../../core/database/database.js'
import { Snapshot } from '../../core/state/snapshot.js'
import { pageOfCounters, pageOfRuleCounters } from './rate-limit-snapshots.js'

let database: Database
beforeEach(async () => {
  database = await openTestDatabase('pglite')
})
afterEach(() => database.close())

it('a counter whose window is over shows no use any more, in either list', async () => {
  const clock = new HandClock()
  const rule = ruleWith({ scope: 'IP', windowSeconds: 60 })
  await database.prisma.rateLimitRule.create({ data: rule })
  const [windowStartedAt, updatedAt] = [clock.now(), clock.now()]
  const counted = { ruleId: rule.id, key: '192.0.2.1', scope: 'IP', windowSeconds: 60, maxRequests: 9, currentCount: 7, deniedCount: 2 }
  await database.prisma.rateLimitSnapshot.create({ data: { ...counted, windowStartedAt, updatedAt } })
  const core = coreOf({ database, clock })
  const shown = async () => {
    const context = contextOf({ caller: TESTER, snapshot: Snapshot.empty([], { revision: 0, digest: '' }), core })
    const pages = await Promise.all([pageOfCounters(context, {}, {}), pageOfRuleCounters(context, rule.id, {})])
    return pages.flatMap(({ nodes }) => nodes.map(({ currentCount, deniedCount }) => [currentCount, deniedCount]))
  }
  clock.pass(59_000)
  expect(await shown()).toEqual([
    [7, 2],
    [7, 2],
  ])
  clock.pass(1_000)
  expect(await shown()).toEqual([
    [0, 2],
    [0, 2],
  ])
})
