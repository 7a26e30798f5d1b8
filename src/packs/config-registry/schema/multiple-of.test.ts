import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMultipleOf } from './multiple-of.js'
import { validateValue } from './value-schema.js'

describe('multipleOf', () => {
  it.each([
    [19.99, 0.01],
    [0.3, 0.1],
    [-4.35, 0.05],
    [0, 0.1],
    [1.1, 0.1],
    [12_345_678_912.37, 0.01],
    [90_071_992_547_409.91, 0.01],
    [9_007_199_254_740_990, 3],
    [1.5e300, 5e299],
    [1e308, 1e-308],
    [5e-324, 5e-324],
    [7, 1],
  ])('holds for decimals and for big numbers: %d is one of %d', (value, factor) => {
    expect(isMultipleOf(value, factor)).toBe(true)
    expect(validateValue({ multipleOf: factor }, value)).toEqual([])
  })

  it.each([
    [19.995, 0.01],
    [1e-10, 1],
    [0.000_000_000_1, 0.01],
    [9_007_199_254_740_991, 2],
    [12_345_678_912.375, 0.01],
    [1e308, 0.123_456_789],
    [1.1, 1],
    [1e22, 0.7],
  ])('fails for what only nearly is one: %d is none of %d', (value, factor) => {
    expect(isMultipleOf(value, factor)).toBe(false)
    expect(validateValue({ properties: { a: { multipleOf: factor } } }, { a: value })).toEqual([
      { code: 'INVALID', field: ['value', 'a'], message: `This must be multiple of ${factor}.` },
    ])
  })

  it('agrees with whole numbers for any number of cents', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 100_000 }), (cents, step) => {
        expect(isMultipleOf(cents / 100, step / 100)).toBe(cents % step === 0)
      }),
    )
  })

  it('takes any two numbers', () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true })
    const factor = fc.double({ min: 5e-324, noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(any, factor, (a, b) => {
        expect(isMultipleOf(a, b)).toBeTypeOf('boolean')
      }),
    )
  })
})
