import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { type LoadJob, runLoad, SERIAL } from '../../bench/load.js'
import { runRounds } from '../../bench/rounds.js'
import { percentileOf, spreadOf } from '../../bench/statistics.js'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server that answers a body with what `answer` makes of it, and a job for it. */
async function serve(answer: (body: string) => { status?: number; body: string }): Promise<{ job: LoadJob; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    text(request).then(
      (body) => {
        seen.push(body)
        const { status = 200, body: answered } = answer(body)
        response.writeHead(status, { 'content-length': Buffer.byteLength(answered) }).end(answered)
      },
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const groups = [[{ body: 'a', answer: 'A' }]]
  return { job: { host: '127.0.0.1', port, path: '/', headers: {}, connections: 1, warmUpMs: 10, measureMs: 50, groups }, seen }
}

describe('load', () => {
  it('counts every call that the server has seen, those outside of the window only as sent', async () => {
    const { job, seen } = await serve((body) => ({ body: body.toUpperCase() }))
    const { sent, count, perSecond, p50Ms, p99Ms } = await runLoad(job)
    expect(sent).toBe(seen.length)
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThan(sent)
    expect(perSecond).toBeCloseTo(count / 0.05, 6)
    expect(p50Ms).toBeLessThanOrEqual(p99Ms)
  })

  it('sends the calls of a group in order and to the end, and a group never on two connections', async () => {
    const { job, seen } = await serve((body) => ({ body }))
    const groups = [0, 1, 2].map((group) => ['off', 'on'].map((step) => ({ body: `${group} ${step}`, answer: `${group} ${step}` })))
    await runLoad({ ...job, connections: 2, groups })
    for (const group of [0, 1, 2]) {
      const steps = seen.filter((body) => body.startsWith(`${group} `))
      expect(steps).toEqual(steps.map((_, index) => `${group} ${index % 2 === 0 ? 'off' : 'on'}`))
      expect(steps.length % 2).toBe(0)
    }
    expect(seen).toContain('1 on')
  })

  it.each([
    ['another body', { body: 'B' }, 'wrong answer to a: 200 B, expected 200 A'],
    ['another status', { status: 500, body: 'A' }, 'wrong answer to a: 500 A, expected 200 A'],
  ])('ends at %s, and says what came', async (_, answer, message) => {
    const { job } = await serve(() => answer)
    await expect(runLoad(job)).rejects.toThrow(message)
  })

  it('takes members in any order and any revision, but not the lack of one', async () => {
    const groups = [[{ body: 'a', answer: '{"revision":0,"key":"k"}' }]]
    const good = await serve(() => ({ body: '{"key":"k","revision":42}\n' }))
    expect((await runLoad({ ...good.job, groups })).sent).toBe(good.seen.length)
    const bad = await serve(() => ({ body: '{"key":"k","revision":null}\n' }))
    await expect(runLoad({ ...bad.job, groups })).rejects.toThrow('wrong answer')
  })

  it('reads an answer in chunks, which arrive in pieces', async () => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.write('{"a":')
        setImmediate(() => response.end('"x"}'))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      server.close()
      server.closeAllConnections()
    })
    const { job } = await serve(() => ({ body: '' }))
    const { port } = server.address() as AddressInfo
    const groups = [[{ body: 'a', answer: '{"a":"x"}' }]]
    expect((await runLoad({ ...job, port, groups })).sent).toBeGreaterThan(0)
  })

  it('sends a call that is refused as too much again if it may, and counts that', async () => {
    let asked = 0
    const server = await serve(() => {
      asked += 1
      return asked === 2 ? { status: 503, body: 'later' } : { body: 'A' }
    })
    const { sent, shed } = await runLoad({ ...server.job, isPatient: true })
    expect([sent, shed]).toEqual([asked - 1, 1])
    asked = 1
    await expect(runLoad(server.job)).rejects.toThrow('wrong answer to a: 503 later')
  })

  it('writes another serial into every request, and holds every answer to the first one where none is given', async () => {
    const { job, seen } = await serve((body) => ({ body: body.slice(0, 1) }))
    const { sent } = await runLoad({ ...job, groups: [[{ body: `a${SERIAL}` }]] })
    expect(new Set(seen).size).toBe(sent)
    const other = await serve((body) => ({ body }))
    await expect(runLoad({ ...other.job, groups: [[{ body: `a${SERIAL}` }]] })).rejects.toThrow('wrong answer')
  })

  it('begins no more calls in a second than it is told', async () => {
    const { job, seen } = await serve(() => ({ body: 'A' }))
    await runLoad({ ...job, measureMs: 190, callsPerSecond: 50 })
    expect(seen.length).toBeLessThanOrEqual(12)
  })

  it('refuses more connections than groups', async () => {
    const { job } = await serve((body) => ({ body }))
    await expect(runLoad({ ...job, connections: 2 })).rejects.toThrow('2 connections need as many groups, have 1')
  })
})

describe('rounds', () => {
  const fixed = (perSecond: number) => ({ count: 1, perSecond, p50Ms: 1, p99Ms: 2 })

  it('takes every other round in reverse, and divides rates of the same round', async () => {
    const order: string[] = []
    const rates: Record<string, number[]> = { base: [100, 50, 200], ours: [50, 50, 50] }
    const measure = (name: string) => async () => {
      order.push(name)
      return fixed(rates[name]?.shift() ?? 0)
    }
    const [, row] = await runRounds(
      [
        { name: 'base', measure: measure('base') },
        { name: 'ours', baselines: ['base'], measure: measure('ours') },
      ],
      3,
    )
    expect(order).toEqual(['base', 'ours', 'ours', 'base', 'base', 'ours'])
    expect(row?.ratios).toEqual([{ baseline: 'base', spread: { median: 0.5, min: 0.25, max: 1 } }])
  })

  it.each([0, Number.NaN, Number.POSITIVE_INFINITY])('refuses a ratio that is no number above 0: %s', async (perSecond) => {
    const scenarios = [
      { name: 'base', measure: async () => fixed(1) },
      { name: 'ours', baselines: ['base'], measure: async () => fixed(perSecond) },
    ]
    await expect(runRounds(scenarios, 1)).rejects.toThrow(`ours against base came to ${perSecond} in round 0`)
  })
})

describe('statistics', () => {
  it.each([
    [[3, 1, 2], { median: 2, min: 1, max: 3 }],
    [[4, 1, 2, 3], { median: 2.5, min: 1, max: 4 }],
    [[7], { median: 7, min: 7, max: 7 }],
  ])('the spread of %j', (values, spread) => {
    expect(spreadOf(values)).toEqual(spread)
  })

  it('takes the nearest rank as the percentile', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index)
    expect([1, 50, 99, 100].map((percent) => percentileOf(values, percent))).toEqual([2, 100, 198, 200])
    expect(percentileOf([5], 50)).toBe(5)
  })

  it('refuses to speak of nothing', () => {
    expect(() => spreadOf([])).toThrow('nothing was measured')
    expect(() => percentileOf([], 50)).toThrow('nothing was measured')
  })
})
