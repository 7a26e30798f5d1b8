import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { until } from '../../../test/testkit/until.js'
import { createLog } from '../platform/log.js'
import { BackgroundTask } from './background-task.js'

/** A task whose runs end when they are told to. */
function held(everyMs = 3_600_000) {
  const lines: string[] = []
  const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(JSON.parse(line).msg) })
  const runs: { readonly signal: AbortSignal; end(): void; fail(): void }[] = []
  const work = (signal: AbortSignal): Promise<number> =>
    new Promise((resolve, reject) => {
      const count = runs.length + 1
      runs.push({ signal, end: () => resolve(count), fail: () => reject(new Error(`run ${count}`)) })
    })
  return { task: new BackgroundTask({ name: 'counting', everyMs, log, work }), runs, lines }
}

describe('a background task', () => {
  it('never runs twice at once: all who ask meanwhile share the next run', async () => {
    const { task, runs } = held()
    const first = task.run()
    await until(() => runs.length === 1)
    const [second, third] = [task.run(), task.run()]
    await wait(5)
    expect(runs).toHaveLength(1)
    runs[0]?.end()
    expect(await first).toBe(1)
    await until(() => runs.length === 2)
    runs[1]?.end()
    expect(await Promise.all([second, third])).toEqual([2, 2])
    expect(runs).toHaveLength(2)
  })

  it('says once that it fails and once that it works again, and never rejects', async () => {
    const { task, runs, lines } = held()
    for (const [index, ending] of (['fail', 'fail', 'end', 'end', 'fail'] as const).entries()) {
      const result = task.run()
      await until(() => runs.length === index + 1)
      runs[index]?.[ending]()
      expect(await result).toBe(ending === 'fail' ? undefined : index + 1)
    }
    expect(lines).toEqual(['counting failed; it is tried again', 'counting works again', 'counting failed; it is tried again'])
  })

  it('runs by itself, again and again, but not while a run is under way', async () => {
    const { task, runs } = held(1)
    task.open()
    await until(() => runs.length === 1)
    await wait(20)
    expect(runs).toHaveLength(1)
    runs[0]?.end()
    await until(() => runs.length === 2)
    const stopped = task.stop()
    runs[1]?.end()
    await stopped
    await wait(20)
    expect(runs).toHaveLength(2)
  })

  it('when stopped tells the run under way, and waits for it', async () => {
    const { task, runs } = held()
    void task.run()
    await until(() => runs.length === 1)
    let hasStopped = false
    const stopping = task.stop().then(() => {
      hasStopped = true
    })
    expect(runs[0]?.signal.aborted).toBe(true)
    await wait(5)
    expect(hasStopped).toBe(false)
    runs[0]?.end()
    await stopping
  })

  it('when closed runs for the last time, after the run under way', async () => {
    const { task, runs } = held()
    void task.run()
    await until(() => runs.length === 1)
    const closing = task.close()
    runs[0]?.end()
    await until(() => runs.length === 2)
    expect(runs[1]?.signal.aborted).toBe(false)
    runs[1]?.end()
    await closing
  })
})
