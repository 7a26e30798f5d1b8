import { describe, expect, it } from 'vitest'
import { EventStream, type StreamActivity } from './event-stream.js'

const answer = (event: unknown) => ({ data: { event } })

async function* of(...events: unknown[]): AsyncGenerator<unknown> {
  yield* events
}

/** A source that waits for ever, and never notices that it is not wanted any more: an async generator that awaits. */
async function* silence(): AsyncGenerator<unknown> {
  await new Promise(() => undefined)
}

function streamOf(source: AsyncIterable<unknown>): { stream: EventStream; activity: StreamActivity } {
  const activity = { open: 0, delivering: 0 }
  return { stream: new EventStream(source, answer, activity), activity }
}

describe('a stream of events', () => {
  it('executes every event in order, and ends with its source', async () => {
    const { stream, activity } = streamOf(of(1, 2, 3))
    const answers = []
    for await (const each of stream) answers.push(each)
    expect(answers).toEqual([1, 2, 3].map(answer))
    expect(activity).toEqual({ open: 0, delivering: 0 })
  })

  it('ends at once while it waits for an event that never comes', async () => {
    const { stream, activity } = streamOf(silence())
    const waiting = stream.next()
    await stream.return()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(activity).toEqual({ open: 0, delivering: 0 })
  })

  it('counts an event as under way until the next one is asked for', async () => {
    const { stream, activity } = streamOf(of(1, 2))
    expect(activity).toEqual({ open: 1, delivering: 0 })
    await stream.next()
    expect(activity).toEqual({ open: 1, delivering: 1 })
    await stream.return()
    expect(activity).toEqual({ open: 0, delivering: 0 })
  })

  it('hands on what its source throws, and ends', async () => {
    const { stream, activity } = streamOf(
      (async function* () {
        yield 1
        throw new RangeError('lost')
      })(),
    )
    await stream.next()
    await expect(stream.next()).rejects.toThrow(new RangeError('lost'))
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(activity).toEqual({ open: 0, delivering: 0 })
  })
})
