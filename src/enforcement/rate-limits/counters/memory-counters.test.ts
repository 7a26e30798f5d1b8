import { describe, expect, it } from 'vitest'
import { HandClock } from '../../../../test/testkit/hand-clock.js'
import { processorMsOf } from '../../../../test/testkit/processor-time.js'
import { createLog } from '../../../core/platform/log.js'
import type { CounterCall } from './counters.js'
import { MemoryCounters } from './memory-counters.js'

const callBy = (subject: string, windowMs = 1_000): CounterCall => ({ counterId: 'rule', subject, windowMs, max: 100, isShadow: false })

function countersOf(maxSubjects: number) {
  const logged: Record<string, unknown>[] = []
  const log = createLog({ logLevel: 'info' }, { write: (line) => void logged.push(JSON.parse(line)) })
  const clock = new HandClock()
  return { counters: new MemoryCounters({ clock, log, maxSubjects }), clock, logged }
}

describe('counters in memory', () => {
  it('forget a subject when nothing of it counts any more, and not before', () => {
    const { counters, clock } = countersOf(100)
    counters.take([callBy('short'), callBy('long', 10_000)], 1)
    clock.pass(1_999)
    counters.sweep()
    expect(counters.size).toBe(2)
    clock.pass(1)
    counters.sweep()
    expect(counters.size).toBe(1)
  })

  it('keep no more subjects than they may, and forget the least busy ones first', () => {
    const { counters, logged } = countersOf(1_000)
    for (let index = 0; index < 100; index += 1) counters.take([callBy(`busy ${index}`)], 50)
    for (let index = 0; index < 20_000; index += 1) counters.take([callBy(`stranger ${index}`)], 1)
    expect(counters.size).toBeLessThanOrEqual(1_000)
    for (let index = 0; index < 100; index += 1) expect(counters.look([callBy(`busy ${index}`)], 1)[0]?.current).toBe(50)
    expect(counters.evictions).toBe(20_100 - counters.size)
    expect(logged.map(({ level }) => level)).toEqual(['warn'])
  })

  it('make room within a moment, however many there are', async () => {
    const { counters } = countersOf(100_000)
    for (let index = 0; index < 100_000; index += 1) counters.take([callBy(String(index))], (index % 5) + 1)
    expect(await processorMsOf(() => counters.take([callBy('one more')], 1))).toBeLessThan(500)
    expect(counters.size).toBe(90_001)
  })

  it('do not keep subjects that are only looked at', () => {
    const { counters } = countersOf(10)
    for (let index = 0; index < 100; index += 1) counters.look([callBy(String(index))], 1)
    expect(counters.size).toBe(0)
  })
})
