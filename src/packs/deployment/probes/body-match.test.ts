import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../core/values/json.js'
import { findMismatch } from './body-match.js'

describe('an answer holds what is expected', () => {
  it.each<[string, Json, unknown]>([
    ['an object with more members', { a: 1 }, { a: 1, b: 2 }],
    ['at every depth', { data: { viewer: { role: 'ADMIN' } } }, { data: { viewer: { role: 'ADMIN', id: 1 }, more: [] }, extensions: {} }],
    ['nothing of an object', {}, { a: 1 }],
    ['an array with the same items', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    ['null', { a: null }, { a: null }],
    ['a scalar', 'alive', 'alive'],
  ])('%s', (_, expected, actual) => expect(findMismatch(expected, actual)).toBe(undefined))

  it('whatever is added to the objects of it', () => {
    const json = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), fc.dictionary(fc.string(), json), (expected, more) => {
        expect(findMismatch(expected as Json, { ...more, ...expected })).toBe(undefined)
        expect(findMismatch({ outer: expected } as Json, { outer: { ...more, ...expected }, more })).toBe(undefined)
      }),
    )
  })
})

describe('an answer does not', () => {
  it.each<[string, Json, unknown, { path: string; isMissing: boolean }]>([
    ['with another value', { a: { b: 1 } }, { a: { b: 2 } }, { path: 'a.b', isMissing: false }],
    ['without the member', { a: { b: 1 } }, { a: { c: 1 } }, { path: 'a.b', isMissing: true }],
    ['with nothing where null is expected', { a: null }, {}, { path: 'a', isMissing: true }],
    ['with null where nothing else is', { a: 1 }, { a: null }, { path: 'a', isMissing: false }],
    ['with more items in an array', { a: [1] }, { a: [1, 2] }, { path: 'a', isMissing: false }],
    ['with fewer items in an array', { a: [1, 2] }, { a: [1] }, { path: 'a', isMissing: false }],
    ['with the items in another order', { a: [1, 2] }, { a: [2, 1] }, { path: 'a', isMissing: false }],
    ['with more members in an object of an array', { a: [{ b: 1 }] }, { a: [{ b: 1, c: 2 }] }, { path: 'a', isMissing: false }],
    ['with a text where a number is expected', { a: 1 }, { a: '1' }, { path: 'a', isMissing: false }],
    ['with an array where an object is expected', { a: {} }, { a: [] }, { path: 'a', isMissing: false }],
    ['that is something else altogether', { a: 1 }, 'text', { path: '', isMissing: false }],
    ['with a member that only its prototype has', { toString: {} }, {}, { path: 'toString', isMissing: true }],
  ])('%s', (_, expected, actual, mismatch) => expect(findMismatch(expected, actual)).toEqual(mismatch))
})
