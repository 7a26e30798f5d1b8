import { describe, expect, it } from 'vitest'
import { eventsAfter, Signals } from './signals.js'

/** Signals, and whether they run. */
function counted() {
  const runs = { started: 0, stopped: 0 }
  const signals = new Signals(() => {
    runs.started += 1
    return () => {
      runs.stopped += 1
    }
  })
  return { signals, runs }
}

describe('signals', () => {
  it('come at once and after each one that is raised; those that nobody took in time are one', async () => {
    const { signals } = counted()
    const signal = signals.follow()
    expect(await signal.next()).toEqual({ done: false, value: true })
    signals.raise()
    signals.raise()
    expect(await signal.next()).toEqual({ done: false, value: true })
    const waiting = signal.next()
    signals.raise()
    expect(await waiting).toEqual({ done: false, value: true })
  })

  it('run while somebody follows, and not longer', async () => {
    const { signals, runs } = counted()
    const [one, other] = [signals.follow(), signals.follow()]
    await one.return?.()
    await one.return?.()
    expect([signals.followers, runs]).toEqual([1, { started: 1, stopped: 0 }])
    await other.return?.()
    expect([signals.followers, runs]).toEqual([0, { started: 1, stopped: 1 }])
    signals.follow()
    expect(runs).toEqual({ started: 2, stopped: 1 })
  })

  it('are what events are read after, until their reader leaves, also while it waits', async () => {
    const { signals, runs } = counted()
    const news = ['a', 'b']
    const events = eventsAfter(signals.follow(), () => news.splice(0))
    expect([await events.next(), await events.next()]).toEqual([
      { done: false, value: 'a' },
      { done: false, value: 'b' },
    ])
    const waiting = events.next()
    await events.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(runs).toEqual({ started: 1, stopped: 1 })
  })
})
