import { describe, expect, it } from 'vitest'
import { FORMAT_NAMES } from './schema-keywords.js'
import { validateValue } from './value-schema.js'

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
  it.each(FORMAT_NAMES)('%s takes what it should and nothing else', (format) => {
    const [good, bad] = EXAMPLES[format]
    expect(validateValue({ format }, good)).toEqual([])
    expect(validateValue({ format }, bad)).toEqual([{ code: 'INVALID', field: ['value'], message: `This must match format "${format}".` }])
  })

  it.each(FORMAT_NAMES)('%s is not taken for what is no text', (format) => {
    expect(validateValue({ format }, 1)).toEqual([])
  })

  it('is checked in time linear in the text, also on a hostile one', () => {
    const starts = ['', 'a://', 'P', 'a@', '/', '{a', '1/', 'a?', '[::']
    const pieces = ['a', '1', 'a.', 'a-', '/', '%20', 'a@', '::', '{a', '~0', 'a/', '1.', ',']
    for (const format of FORMAT_NAMES) {
      for (const start of starts) {
        // Texts of 64 KiB: in quadratic time they take minutes.
        for (const piece of pieces) validateValue({ format }, `${start}${piece.repeat(64_000 / piece.length)}"`)
      }
    }
  })
})
