import { describe, expect, it } from 'vitest'
import { checkedEvents, isEventSource } from './checked-events.js'

/** Events that come when they are pushed; `isEnded` once nobody wants them any more. */
class Pushed implements AsyncIterableIterator<number> {
  isEnded = false
  #wake: () => void = () => undefined
  readonly #events: number[] = []

  push(event: number): void {
    this.#events.push(event)
    this.#wake()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<number>> {
    if (this.#events.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return { done: false, value: this.#events.shift() ?? 0 }
  }

  return(): Promise<IteratorResult<number>> {
    this.isEnded = true
    return Promise.resolve({ done: true, value: undefined })
  }
}

describe('checked events', () => {
  it('are handed out for as long as the check passes; then its error comes instead, and the source is ended', async () => {
    const source = new Pushed()
    let isOpen = true
    const events = checkedEvents(source, () => {
      if (!isOpen) throw new Error('closed')
      return undefined
    })
    source.push(1)
    expect(await events.next()).toEqual({ done: false, value: 1 })
    const next = events.next()
    isOpen = false
    source.push(2)
    await expect(next).rejects.toThrow('closed')
    expect(source.isEnded).toBe(true)
  })

  it('wait for a check that has to wait', async () => {
    const source = new Pushed()
    source.push(1)
    await expect(checkedEvents(source, () => Promise.reject(new Error('later'))).next()).rejects.toThrow('later')
    expect(source.isEnded).toBe(true)
  })

  it('end with their source, and their source with them', async () => {
    async function* two() {
      yield 1
      yield 2
    }
    const received: number[] = []
    for await (const event of checkedEvents(two(), () => undefined)) received.push(event)
    expect(received).toEqual([1, 2])
    const source = new Pushed()
    const events = checkedEvents(source, () => undefined)
    void events.next()
    expect(await events.return?.()).toEqual({ done: true, value: undefined })
    expect(source.isEnded).toBe(true)
  })

  it('are told from anything else', () => {
    expect([new Pushed(), null, undefined, {}, [], 'text'].map(isEventSource)).toEqual([true, false, false, false, false, false])
  })
})
