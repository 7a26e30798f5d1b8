import { describe, expect, it } from 'vitest'
import { faultsOf, SERVICE } from '../../../../test/testkit/schema-faults.js'
import type { Json } from '../../../core/values/json.js'
import { validateValue } from './value-schema.js'

describe('the work of a check', () => {
  const ones: Json = Array.from({ length: 32_000 }, () => 1)

  it.each<[string, Json, Json]>([
    ['many schemas for many items', { allOf: Array.from({ length: 240 }, () => ({ items: { type: 'string' } })) }, ones],
    ['a long list of values for many items', { items: { enum: Array.from({ length: 9_000 }, (_, index) => -index) } }, ones],
    [
      'many patterns on a long text',
      { allOf: Array.from({ length: 49 }, (_, index) => ({ pattern: `(?:\\p{L}|\\d){${300 + index}}!` })) },
      'ab1'.repeat(20_000),
    ],
    [
      'many lengths of a long text',
      { allOf: Array.from({ length: 240 }, (_, index) => ({ maxLength: 70_000 + index })) },
      'x'.repeat(65_000),
    ],
    ['many hunts for duplicates', { allOf: Array.from({ length: 240 }, () => ({ uniqueItems: true })) }, ones],
    [
      'many formats of long texts',
      { allOf: Array.from({ length: 240 }, () => ({ items: { format: 'uri' } })) },
      Array.from({ length: 30 }, () => `a://${'a/'.repeat(1_000)}"`),
    ],
    [
      'many names for many objects',
      { items: { required: Array.from({ length: 5_000 }, (_, index) => `p${index}`) } },
      Array.from({ length: 20_000 }, () => ({})),
    ],
  ])('is bounded: %s', (_, schema, value) => {
    expect(faultsOf(schema, value)).toEqual([
      'value: takes too much work to check against valueSchema: make the schema simpler or the value smaller',
    ])
  })

  it('of hunting for duplicates grows with the list, not with its square', () => {
    let reads = 0
    const items = Array.from({ length: 500 }, (_, index) => ({
      get id() {
        reads += 1
        return index
      },
    }))
    expect(faultsOf({ uniqueItems: true }, items)).toEqual([])
    expect(reads).toBeGreaterThanOrEqual(items.length)
    expect(reads).toBeLessThan(10 * items.length)
  })

  it('of a wide value counts the schema of each property once', () => {
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`)
    const all = (member: Json): Json => Object.fromEntries(names.map((name) => [name, member]))
    const text: Json = { type: 'string', minLength: 1, format: 'uri' }
    const section: Json = { properties: all(text), required: names, additionalProperties: false }
    expect(faultsOf({ properties: all(section) }, all(all('https://example.org/some/path')))).toEqual([])
  })

  it('leaves ordinary large values alone', () => {
    const row = { host: 'db.example.org', port: 5_432, tags: ['a', 'b'], mode: 'fast', limits: { maxRows: 1 } }
    const { $defs, properties } = SERVICE
    const schema = { $defs, items: { properties, required: ['host'], additionalProperties: false } }
    expect(
      faultsOf(
        schema,
        Array.from({ length: 500 }, () => row),
      ),
    ).toEqual([])
  })

  it('does not pile up memory over thousands of schemas', { timeout: 120_000 }, () => {
    const check = (index: number) => validateValue({ title: `t${index}`, properties: { [`p${index}`]: { type: 'string' } } }, {})
    for (let index = 0; index < 1_000; index++) check(index)
    const before = process.memoryUsage().heapUsed
    for (let index = 1_000; index < 4_000; index++) check(index)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024)
  })
})
