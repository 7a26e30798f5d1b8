import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { setConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { echo, openTestLedger, run, TESTER } from '../testkit/ledger.js'

const DAY_MS = 86_400_000

describe.runIf(ENGINES.includes('postgresql'))('an idempotency key that two replicas get at the same time', () => {
  let database: Database
  let ledgers: readonly [Ledger, Ledger]
  let clock: HandClock

  beforeEach(async () => {
    clock = new HandClock()
    database = await openTestDatabase('postgresql')
    ledgers = [await openTestLedger(database, { clock }), await openTestLedger(database, { clock })]
  })

  afterEach(async () => {
    await Promise.all(ledgers.map((ledger) => ledger.close()))
    await database.close()
  })

  const call = (ledger: Ledger, value: number, idempotencyKey: string) =>
    ledger.commit({ command: echo, input: { value }, caller: TESTER, correlationId: 'test', idempotencyKey })

  it('has one first answer, and refuses another input, although nothing is changed', async () => {
    for (let round = 0; round < 60; round += 1) {
      const key = `key-${round}`
      const answers = await Promise.allSettled(ledgers.map((ledger, index) => call(ledger, index, key)))
      const refusals = answers.filter(({ status }) => status === 'rejected')
      expect(refusals).toEqual([{ status: 'rejected', reason: expect.objectContaining({ code: 'IDEMPOTENCY_KEY_REUSED' }) }])
    }
  })

  it('replays the first answer for the same input', async () => {
    for (let round = 0; round < 60; round += 1) {
      const answers = await Promise.all(ledgers.map((ledger) => call(ledger, 7, `key-${round}`)))
      expect(answers.map((answer) => answer.ok && answer.isReplay).toSorted()).toEqual([false, true])
    }
  })

  it('takes the changes of its neighbours in the batch down with it in no case', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [first, second] = ledgers
      const key = `n${round}`
      const change = run(first, setConfig, { key, value: round })
      const [changed, ...answers] = await Promise.allSettled([change, call(first, 1, key), call(second, 2, key)])
      expect(changed).toMatchObject({ status: 'fulfilled', value: { ok: true, revision: round + 1 } })
      expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    }
  })

  it('is free again once its answer has expired', async () => {
    expect(await call(ledgers[0], 1, 'key')).toMatchObject({ ok: true, isReplay: false })
    clock.pass(DAY_MS)
    expect(await call(ledgers[1], 2, 'key')).toMatchObject({ ok: true, value: 2, isReplay: false })
    await expect(call(ledgers[0], 1, 'key')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })
})
