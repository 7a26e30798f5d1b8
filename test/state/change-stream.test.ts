import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { SlowConsumerError, streamChanges } from '../../src/core/graphql/change-stream.js'
import { ChangeLog, type ChangeLogFilter } from '../../src/core/ledger/change-log.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { setConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'

describe.each(ENGINES)('the stream of changes on %s', (engine) => {
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

  const stream = (filter: ChangeLogFilter, of = ledger) => streamChanges({ ledger: of, changeLog: new ChangeLog(database) }, filter)
  const write = (value: number) => run(ledger, setConfig, { key: 'n', value })

  async function take(count: number, changes: AsyncIterable<{ revision: number }>): Promise<number[]> {
    const revisions: number[] = []
    for await (const { revision } of changes) if (revisions.push(revision) === count) break
    return revisions
  }

  const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index)

  it('replays from a revision and follows live without a gap or a repeat, while writes go on', async () => {
    for (let value = 0; value < 30; value += 1) await write(value)
    const reading = take(90, stream({ sinceRevision: 0 }))
    const resumed = take(65, stream({ sinceRevision: 25 }))
    for (let value = 30; value < 90; value += 1) await write(value)
    expect(await reading).toEqual(upTo(90))
    expect(await resumed).toEqual(upTo(90, 26))
  })

  it('begins now without a revision, ends behind untilRevision, and keeps to its filter', async () => {
    await write(1)
    const live = take(2, stream({}))
    const flags = take(1, stream({ targetType: 'FeatureFlag' }))
    const bounded = take(99, stream({ sinceRevision: 0, untilRevision: 3 }))
    await write(2)
    await write(3)
    await run(ledger, setFeatureFlag, { key: 'a' })
    expect(await live).toEqual([2, 3])
    expect(await flags).toEqual([4])
    expect(await bounded).toEqual([1, 2, 3])
  })

  it('a consumer that does not keep up is told where to resume, and loses nothing by it', async () => {
    const changes = stream({})
    const first = changes.next()
    await write(0)
    expect((await first).value).toMatchObject({ revision: 1 })
    for (let round = 0; round < 10; round += 1) await Promise.all(upTo(120).map((value) => write(round * 120 + value)))
    const failure = await take(5_000, changes).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SlowConsumerError)
    expect((failure as SlowConsumerError).resumeFrom).toBe(1)
    const last = ledger.snapshot.revision
    expect(last).toBeGreaterThan(1_000)
    expect(await take(last - 1, stream({ sinceRevision: 1 }))).toEqual(upTo(last, 2))
  })
  it('ends at once when its reader goes away, also while nothing happens, and no longer listens', async () => {
    let listeners = 0
    const onCommit = ledger.onCommit.bind(ledger)
    const counting = Object.create(ledger, {
      snapshot: { get: () => ledger.snapshot },
      onCommit: {
        value: (listener: Parameters<typeof onCommit>[0]) => {
          listeners += 1
          const stop = onCommit(listener)
          return () => {
            listeners -= 1
            stop()
          }
        },
      },
    }) as Ledger
    const changes = streamChanges({ ledger: counting, changeLog: new ChangeLog(database) }, {})
    const waiting = changes.next()
    await nextTurn()
    expect(listeners).toBe(1)
    await changes.return()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(listeners).toBe(0)
  })
})
