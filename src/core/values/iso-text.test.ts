import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isoText } from './iso-text.js'

it('a time is written as ECMA-262 writes it, however often and in whichever order', () => {
  // Close to each other and far apart, before 1970 and in years of more digits.
  const times = fc.oneof(
    fc.date({ noInvalidDate: true }),
    fc.integer({ min: -9, max: 9 }).map((ms) => new Date(ms * 4_096)),
  )
  fc.assert(
    fc.property(fc.array(times, { maxLength: 40 }), (dates) => {
      for (const date of [...dates, ...dates]) expect(isoText(date)).toBe(date.toISOString())
    }),
  )
  expect(() => isoText(new Date(Number.NaN))).toThrow(RangeError)
})
