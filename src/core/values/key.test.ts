import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { validateKey } from './key.js'

describe('a key', () => {
  it.each(['a', '0', 'checkout/new-flow', 'a.b_c-d/e', 'x'.repeat(200)])('may be %j', (key) => {
    expect(validateKey(key, ['key'])).toEqual([])
  })

  it.each(['A', '.a', '/a', '-a', '_a', 'a b', 'ä', 'a\n', 'a\u0000', 'a\\b'])('may not be %j', (key) => {
    expect(validateKey(key, ['flag', 'key'])).toEqual([
      {
        code: 'INVALID',
        field: ['flag', 'key'],
        message: "This must start with a-z or 0-9 and hold only a-z, 0-9, '.', '_', '/' and '-'.",
      },
    ])
  })

  it('that is missing is REQUIRED, and one that is too long says how long it is', () => {
    expect(validateKey('', ['key'])).toEqual([{ code: 'REQUIRED', field: ['key'], message: 'This must not be empty.' }])
    expect(validateKey('x'.repeat(201), ['key'])).toEqual([
      { code: 'INVALID', field: ['key'], message: 'This must be at most 200 characters long, has 201.' },
    ])
  })

  it('is accepted exactly when every character is, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '9', '.', '_', '/', '-', 'A', ' ', 'é', '\n'), maxLength: 210 }), (key) => {
        const isFine = [...key].every((character) => 'a9._/-'.includes(character)) && 'a9'.includes(key[0] ?? '?') && key.length <= 200
        expect(validateKey(key, []).length).toBe(isFine ? 0 : 1)
      }),
    )
  })
})
