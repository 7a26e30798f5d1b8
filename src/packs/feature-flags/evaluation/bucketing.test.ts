import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketKey, hashText, isInRollout, pickVariant, readStickiness, toHundredths } from './bucketing.js'
import type { EvaluationContext } from './evaluation.js'
import { EvaluationSubject } from './evaluation-subject.js'

const NOW = new Date('2026-06-01T12:00:00.000Z')
const IDS = Array.from({ length: 100_000 }, (_, index) => `user-${index}`)

const percents = fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100)
const keys = fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })).map(([group, id]) => bucketKey(group, id))

describe('the hash', () => {
  it('is MurmurHash3 x86 32-bit (published vectors)', () => {
    expect(hashText('', 0)).toBe(0)
    expect(hashText('', 1)).toBe(0x514e28b7)
    expect(hashText('', 0xffffffff)).toBe(0x81f16f39)
    expect(hashText('Hello, world!', 0x9747b28c)).toBe(0x24884cba)
  })

  it('reads text as UTF-8 (published vector of eight pi)', () => {
    expect(hashText('ππππππππ', 0x9747b28c)).toBe(0xd58063c1)
  })

  it.each([
    ['gr1', '123', 73],
    ['groupX', '999', 25],
  ])('puts %s:%s where Unleash puts it: %i', (groupId, id, expected) => {
    expect((hashText(bucketKey(groupId, id), 0) % 100) + 1).toBe(expected)
  })
})

describe('a rollout', () => {
  it('has its percentage in hundredths, free of floating-point drift', () => {
    for (let hundredths = 0; hundredths <= 10_000; hundredths += 1)
      expect(toHundredths(Number((hundredths / 100).toFixed(2)))).toBe(hundredths)
    expect([33.33, 0.07, 1.1, 99.99, -1, Number.NaN, 250].map(toHundredths)).toEqual([3333, 7, 110, 9999, 0, 0, 10_000])
  })

  it('follows its formula to the letter', () => {
    fc.assert(
      fc.property(percents, keys, (percent, key) => {
        const n = Math.floor(percent)
        const hundredthsOfFraction = Number(percent.toFixed(2).split('.')[1])
        const h = hashText(key, 0)
        const expected = (h % 100) + 1 <= n || ((h % 100) + 1 === n + 1 && Math.floor(h / 100) % 100 < hundredthsOfFraction)
        expect(isInRollout(percent, key)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes a caller from the hundredth after its position on, not before', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const h = hashText(key, 0)
        const position = (h % 100) * 100 + (Math.floor(h / 100) % 100)
        expect([isInRollout(position / 100, key), isInRollout((position + 1) / 100, key)]).toEqual([false, true])
      }),
    )
  })

  it('of 0 percent takes nobody, of 100 everybody', () => {
    fc.assert(
      fc.property(keys, (key) => {
        expect([isInRollout(0, key), isInRollout(100, key)]).toEqual([false, true])
      }),
    )
  })

  it('keeps whom it has when it grows', () => {
    fc.assert(
      fc.property(percents, percents, keys, (a, b, key) => {
        if (isInRollout(Math.min(a, b), key)) expect(isInRollout(Math.max(a, b), key)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('with a fraction lies between the whole percents around it', () => {
    fc.assert(
      fc.property(percents, keys, (percent, key) => {
        if (isInRollout(Math.floor(percent), key)) expect(isInRollout(percent, key)).toBe(true)
        if (isInRollout(percent, key)) expect(isInRollout(Math.ceil(percent), key)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([0.5, 1, 10, 33.33, 50, 66.67, 99.5])(
    'of %d percent takes that share of 100,000 ids, within four standard deviations',
    (percent) => {
      const share = percent / 100
      const taken = IDS.filter((id) => isInRollout(percent, bucketKey('rollout-test', id))).length
      const tolerance = 4 * Math.sqrt(IDS.length * share * (1 - share))
      expect(Math.abs(taken - IDS.length * share)).toBeLessThan(tolerance)
    },
  )
})

describe('stickiness', () => {
  const read = (stickiness: string, context: EvaluationContext) =>
    readStickiness(stickiness, { subject: new EvaluationSubject(context, NOW), random: () => 0.5 })
  const drawn = String(2 ** 31)

  it('by default is userId, then targetingKey, then sessionId, else random; empty counts as missing', () => {
    expect(read('default', { userId: 'u', targetingKey: 't', sessionId: 's' })).toBe('u')
    expect(read('default', { userId: '', targetingKey: 't', sessionId: 's' })).toBe('t')
    expect(read('default', { sessionId: 's' })).toBe('s')
    expect(read('default', { remoteAddress: '127.0.0.1' })).toBe(drawn)
  })

  it('that is random ignores the context', () => {
    expect(read('random', { userId: 'u' })).toBe(drawn)
  })

  it('by a field is that field, a named one or a property, and missing when the field is', () => {
    expect(read('sessionId', { userId: 'u', sessionId: 's' })).toBe('s')
    expect(read('tenant', { properties: { tenant: 7 } })).toBe('7')
    expect(read('tenant', { userId: 'u', properties: { tenant: '' } })).toBe(undefined)
    expect(read('tenant', { userId: 'u' })).toBe(undefined)
  })
})

describe('variants', () => {
  const variants = [
    { name: 'a', weight: 1, value: null },
    { name: 'none', weight: 0, value: null },
    { name: 'b', weight: 49, value: null },
    { name: 'c', weight: 950, value: null },
  ]

  it('are drawn by their weights: shares of 100,000 ids within four standard deviations, weight 0 never', () => {
    const counts = new Map<string, number>()
    for (const id of IDS) {
      const name = pickVariant(variants, bucketKey('variant-test', id))?.name ?? 'nothing'
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual(['a', 'b', 'c'])
    for (const { name, weight } of variants) {
      const share = weight / 1000
      const tolerance = 4 * Math.sqrt(IDS.length * share * (1 - share))
      expect(Math.abs((counts.get(name) ?? 0) - IDS.length * share)).toBeLessThanOrEqual(tolerance)
    }
  })

  it('stay with the caller when variants without weight come and go', () => {
    const weighted = variants.filter(({ weight }) => weight > 0)
    fc.assert(
      fc.property(keys, (key) => {
        expect(pickVariant(weighted, key)).toEqual(pickVariant(variants, key))
      }),
    )
  })

  it('are drawn apart from the rollout: a small rollout still has every variant', () => {
    const inside = IDS.map((id) => bucketKey('g', id)).filter((key) => isInRollout(5, key))
    const halves = [
      { name: 'x', weight: 1, value: null },
      { name: 'y', weight: 1, value: null },
    ]
    const share = inside.filter((key) => pickVariant(halves, key)?.name === 'x').length / inside.length
    expect(share).toBeGreaterThan(0.45)
    expect(share).toBeLessThan(0.55)
  })

  it('without any weight give none', () => {
    expect(pickVariant([], 'g:1')).toBe(null)
    expect(
      pickVariant(
        [
          { name: 'a', weight: 0, value: null },
          { name: 'b', weight: -3, value: null },
          { name: 'c', weight: Number.NaN, value: null },
        ],
        'g:1',
      ),
    ).toBe(null)
  })
})
