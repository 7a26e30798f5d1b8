import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson, canonicalPieces } from './json.js'

/** The same objects with their members put in backwards. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  )
}

it('canonical JSON is the value, in the spelling of JSON.stringify, whatever the order of keys', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(reversed(value))).toBe(text)
      expect([...canonicalPieces(value)].join('')).toBe(text)
      // Nothing is spelled in another way than the only one that JSON.stringify has: what is not sorted is as long.
      expect(text.length).toBe(JSON.stringify(value).length)
    }),
    { numRuns: 1_000 },
  )
  expect(canonicalJson({ b: 1, a: ['"\\\u007f\u2028é', null], 10: undefined, 9: 0 })).toBe(
    '{"9":0,"a":["\\"\\\\\u007f\u2028é",null],"b":1}',
  )
})
