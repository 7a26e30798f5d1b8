import { describe, expect, it } from 'vitest'
import { toUserErrors } from '../../core/values/faults.js'
import { findJsonFaults } from '../../core/values/json.js'
import { VALUE_LIMITS } from './config-value.js'

const validateStorable = (value: unknown) => toUserErrors(['value'], findJsonFaults(value, VALUE_LIMITS))

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

describe('a config value', () => {
  it.each([null, true, 0, '', [], {}, { a: [1, { b: 'ü' }] }])('may be any JSON, such as %j', (value) => {
    expect(validateStorable(value)).toEqual([])
  })

  it('may have 64 KiB of JSON and not a byte more', () => {
    expect(validateStorable('x'.repeat(65_534))).toEqual([])
    expect(validateStorable('x'.repeat(65_535))).toEqual([
      { code: 'INVALID', field: ['value'], message: 'This must be at most 65536 bytes of JSON, has 65537.' },
    ])
  })

  it('may be nested 32 levels deep and not one more', () => {
    expect(validateStorable(nested(32))).toEqual([])
    expect(validateStorable(nested(33))).toEqual([
      { code: 'INVALID', field: ['value', ...Array.from({ length: 32 }, () => '0')], message: 'This is nested too deeply.' },
    ])
  })

  it('may hold no key that reaches a prototype, and each one is named', () => {
    expect(validateStorable(JSON.parse('{"__proto__":1,"a":{"constructor":1}}')).map(({ field }) => field)).toEqual([
      ['value', '__proto__'],
      ['value', 'a', 'constructor'],
    ])
  })

  it('with very many faults answers with 100 and says that there are more', () => {
    const errors = validateStorable(Array.from({ length: 200 }, () => '\u0000'))
    expect(errors).toHaveLength(101)
    expect(errors.at(-1)).toEqual({ code: 'INVALID', field: ['value'], message: 'This has more faults than these 100.' })
  })
})
