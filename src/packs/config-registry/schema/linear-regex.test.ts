import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileLinearRegex, findPatternFault } from './linear-regex.js'

describe('a pattern', () => {
  it.each([
    ['^[a-z]+$', 'abc', 'ab1'],
    ['b', 'abc', 'ac'],
    ['^\\d{4}-\\d{2}-\\d{2}$', '2026-01-31', '2026-1-31'],
    ['^(?:https?|ftp):\\/\\/', 'https://x', 'ssh://x'],
    ['^[\\w.+\\-]+@x\\-y$', 'a.b@x-y', 'a b@x-y'],
    ['^\\u00e9$', 'é', 'e'],
    ['^\\p{Lu}$', 'É', 'é'],
    ['^(?<year>\\d+)$', '2026', 'x'],
    ['^.$', '😀', 'ab'],
    ['', '', undefined],
  ])('%s matches as in ECMA-262', (pattern, fitting, other) => {
    expect(findPatternFault(pattern)).toBe(undefined)
    const regex = compileLinearRegex(pattern)
    expect(regex.test(fitting)).toBe(true)
    if (other !== undefined) expect(regex.test(other)).toBe(false)
  })

  it.each([
    ['(', /must be a regular expression/],
    ['[b-a]', /must be a regular expression/],
    ['a{2,1}', /must be a regular expression/],
    ['^(?=.*\\d).+$', /no look-around/],
    ['(?!a)b', /no look-around/],
    ['(?<!a)b', /no look-around/],
    ['\\p{Script=Greek}', /no \\p\{Name=...\}/],
    ['x{1001}', /no count above 1000/],
    ['(a)\\1', /must not refer back/],
    ['(?<x>a)\\k<x>', /must not refer back/],
    ['(?:abcd){900}', /must be a smaller pattern: its repetitions unfold to about 3600/],
    ['(?:(?:a{20}){20}){20}', /must be a smaller pattern/],
    ['x'.repeat(1_001), /at most 1000 characters/],
  ])('%s is refused with a reason', (pattern, reason) => {
    expect(findPatternFault(pattern)).toMatch(reason)
  })

  it('that would backtrack for ever comes to an end on a long text', () => {
    for (const pattern of ['^(a+)+$', '^(a|aa)+$', '(x+x+)+y', '^(.*a){20}$', '(a?){400}a{400}$']) {
      expect(findPatternFault(pattern)).toBe(undefined)
      expect(compileLinearRegex(pattern).test(`${'a'.repeat(60_000)}!`)).toBe(false)
    }
  })

  it('never makes a larger program than was allowed for, whatever it is', () => {
    const part = fc.constantFrom(
      'a',
      '.',
      '[a-z]',
      '(',
      '(?:',
      ')',
      '*',
      '+',
      '?',
      '{3}',
      '{2,50}',
      '{0,9}',
      '{40,}',
      '|',
      '\\d',
      '\\p{L}',
      '^',
      '$',
      '\\b',
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const pattern = parts.join('')
        if (findPatternFault(pattern) !== undefined) return
        accepted += 1
        expect(compileLinearRegex(pattern).size).toBeLessThan(3 * 2_500)
      }),
      { numRuns: 2_000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  it('agrees with the engine of JavaScript wherever both can match it', () => {
    const part = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(?:a|b)', 'a?', 'b*', 'a+', 'b{2}', 'a{1,2}', '\\d', '\\w', '^', '$', '|')
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', ' ', 'é'), maxLength: 8 })
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), text, (parts, candidate) => {
        const pattern = parts.join('')
        if (findPatternFault(pattern) !== undefined) return
        expect(compileLinearRegex(pattern).test(candidate)).toBe(new RegExp(pattern, 'u').test(candidate))
      }),
      { numRuns: 500 },
    )
  })
})
