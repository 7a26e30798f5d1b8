import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FORMAT_NAMES, hasFormat } from './schema-formats.js'

type Name = (typeof FORMAT_NAMES)[number]

const EXAMPLES: Readonly<Record<Name, readonly [good: string, bad: string]>> = {
  date: ['2024-02-29', '2023-02-29'],
  time: ['12:00:00Z', '12:00'],
  'date-time': ['2024-02-29T12:00:00.123+01:00', '2024-02-29'],
  duration: ['P1DT2H', '2h'],
  email: ['a.b@example.org', 'a@'],
  hostname: ['db.example.org', '-x.example.org'],
  ipv4: ['192.0.2.1', '192.0.2.256'],
  ipv6: ['2001:db8::1', '2001:db8'],
  uuid: ['0190b8a0-7b5c-7000-8000-000000000000', '0190b8a0'],
  uri: ['https://example.org/a?b#c', '/a'],
  'uri-reference': ['/a', '\\a'],
  'uri-template': ['/a/{id}', '/a/{id'],
  'json-pointer': ['/a~1b', 'a'],
  'relative-json-pointer': ['1/a', '/a'],
  regex: ['^(?=a)', '('],
}

describe('a format', () => {
  it.each(FORMAT_NAMES)('%s takes what it should and nothing else', (name) => {
    const [good, bad] = EXAMPLES[name]
    expect(hasFormat(name, good)).toBe(true)
    expect(hasFormat(name, bad)).toBe(false)
    expect(hasFormat(name, 'a'.repeat(2_049))).toBe(false)
  })

  it('is checked at once, also on a hostile text of any length', () => {
    const started = performance.now()
    const pieces = ['a', '1', 'a.', 'a-', '/', '%20', 'a@', '::', '{a', '~0', 'a/']
    const text = fc.tuple(
      fc.constantFrom('', 'a://', 'P', 'a@'),
      fc.constantFrom(...pieces),
      fc.integer({ min: 1, max: 2_048 }),
      fc.constantFrom('', '!', '"'),
    )
    fc.assert(
      fc.property(fc.constantFrom(...FORMAT_NAMES), text, (name, [start, piece, length, end]) => {
        hasFormat(name, start + piece.repeat(Math.ceil(length / piece.length)).slice(0, length) + end)
      }),
      { numRuns: 1_000 },
    )
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
