import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { collect } from '../../../../test/testkit/ledger.js'
import { RunProgress } from './run-progress.js'
import type { SmokeCheckResult } from './smoke-test.types.js'

function begin(): RunProgress {
  return new RunProgress({
    id: 'a-run',
    baseUrl: 'http://127.0.0.1',
    startedAt: new Date(0),
    triggeredBy: { id: 'a', name: 'a', clientType: null },
  })
}

function outcome(name: string, status: SmokeCheckResult['status'] = 'PASSED', isBlocking = true): SmokeCheckResult {
  return { name, status, isBlocking, statusCode: null, latencyMs: 1, error: null }
}

it('whoever watches sees every result once, in order, whenever they come', async () => {
  const step = fc.constantFrom('result' as const, 'watcher' as const, 'turn' as const)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const progress = begin()
      const watching: Promise<SmokeCheckResult[]>[] = []
      const names: string[] = []
      for (const each of steps) {
        if (each === 'watcher') watching.push(collect(progress.watch()))
        if (each === 'turn') await nextTurn()
        if (each === 'result') {
          names.push(`check-${names.length}`)
          progress.add(outcome(String(names.at(-1))))
        }
      }
      watching.push(collect(progress.watch()))
      progress.finish(new Date(5), 5)
      for (const seen of await Promise.all(watching)) expect(seen.map(({ name }) => name)).toEqual(names)
      expect((await collect(progress.watch())).map(({ name }) => name)).toEqual(names)
    }),
    { numRuns: 50 },
  )
})

it('a run is ok while no blocking check has failed', () => {
  const progress = begin()
  const isOkAfter = (...of: Parameters<typeof outcome>): boolean => {
    progress.add(outcome(...of))
    return progress.record.isOk
  }
  expect(isOkAfter('a', 'PASSED')).toBe(true)
  expect(isOkAfter('b', 'SKIPPED')).toBe(true)
  expect(isOkAfter('c', 'FAILED', false)).toBe(true)
  expect(isOkAfter('d', 'FAILED', true)).toBe(false)
  expect(isOkAfter('e', 'PASSED')).toBe(false)
  expect(progress.record).toMatchObject({ finishedAt: null, durationMs: null })
  expect(progress.finish(new Date(7), 7)).toMatchObject({ isOk: false, finishedAt: new Date(7), durationMs: 7 })
})
