import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { faultsOf, SERVICE } from '../../../../test/testkit/schema-faults.js'
import type { Json } from '../../../core/values/json.js'
import { validateSchema, validateValue } from './value-schema.js'

const TOO_LARGE =
  'valueSchema: must be made of at most 500 schemas, where a $ref counts as all that it leads to, on each level of a value again'

/** Each definition holds the one before it twice. */
function doubling(levels: number): Json {
  const $defs: Record<string, Json> = { d0: { type: 'string' } }
  for (let level = 1; level <= levels; level++) {
    $defs[`d${level}`] = { allOf: [{ $ref: `#/$defs/d${level - 1}` }, { $ref: `#/$defs/d${level - 1}` }] }
  }
  return { $defs, $ref: `#/$defs/d${levels}` }
}

describe('a schema', () => {
  it.each<[string, Json]>([
    ['object', SERVICE],
    ['true', true],
    ['false', false],
    ['empty', {}],
    ['without types', { properties: { a: { minLength: 1 } }, required: ['b'] }],
    ['with if and no then', { if: { type: 'string' } }],
    ['with a property that also fits a pattern', { properties: { ab: true }, patternProperties: { '^a': { type: 'string' } } }],
    ['with tuples', { prefixItems: [{ type: 'string' }, { type: 'number' }], items: false, minItems: 2 }],
    ['with all of the applicators', { allOf: [{ anyOf: [{ oneOf: [true] }] }], not: false, dependentSchemas: { a: { required: ['b'] } } }],
    ['that is recursive', { $defs: { n: { properties: { next: { $ref: '#/$defs/n' } } } }, $ref: '#/$defs/n' }],
    ['that refers to itself as a whole', { properties: { child: { $ref: '#' } } }],
    ['with a name of an inherited property', { properties: { toString: { type: 'string' } }, required: ['valueOf'] }],
  ])('that is ordinary passes: %s', (_, schema) => {
    expect(faultsOf(schema)).toEqual([])
  })

  it.each<[Json, string[]]>([
    [1, ['valueSchema: must be a schema: an object, true or false']],
    [[], ['valueSchema: must be a schema: an object, true or false']],
    [
      { type: 'objekt', properties: { a: { minimum: '1', items: [] } } },
      [
        'valueSchema type: must be one or a list of null, boolean, object, array, number, integer, string',
        'valueSchema properties a minimum: must be a number',
        'valueSchema properties a items: must be a schema: an object, true or false',
      ],
    ],
    [{ requird: ['a'] }, ['valueSchema requird: is not a keyword of JSON Schema 2020-12']],
    [{ toString: 1 }, ['valueSchema toString: is not a keyword of JSON Schema 2020-12']],
    [{ $async: true }, ['valueSchema $async: is not a keyword of JSON Schema 2020-12']],
    [{ nullable: true }, ['valueSchema nullable: is not supported here; use a type list with "null"']],
    [{ $dynamicRef: '#x' }, ["valueSchema $dynamicRef: is not supported here; use a $ref to '#/$defs/...'"]],
    [{ $anchor: 'x' }, ["valueSchema $anchor: is not supported here; use a $ref to '#/$defs/...'"]],
    [{ $schema: 'http://json-schema.org/draft-07/schema#' }, ['valueSchema $schema: must be https://json-schema.org/draft/2020-12/schema']],
    [{ items: { $id: 'https://example.org/x' } }, ['valueSchema items $id: must stand at the top of the schema']],
    [{ format: 'colour' }, [expect.stringMatching(/^valueSchema format: must be one of date, time, /)]],
    [{ enum: [] }, ['valueSchema enum: must be an array of at least one value']],
    [{ anyOf: [] }, ['valueSchema anyOf: must be an array of at least one schema']],
    [{ required: ['a', 'a'] }, ['valueSchema required: must be an array of different strings']],
    [{ multipleOf: 0 }, ['valueSchema multipleOf: must be a number above 0']],
    [{ maxLength: -1 }, ['valueSchema maxLength: must be a whole number from 0']],
    [{ pattern: '(' }, ['valueSchema pattern: must be a regular expression (ECMA-262)']],
    [{ patternProperties: { '(a)\\1': true } }, [expect.stringMatching(/^valueSchema patternProperties \(a\)\\1: must not refer back/)]],
    [{ properties: { a: { pattern: '^(?=a)' } } }, [expect.stringMatching(/^valueSchema properties a pattern: .*no look-around/)]],
  ])('%j is refused, with the place and the reason', (schema, expected) => {
    expect(faultsOf(schema)).toEqual(expected)
  })

  it.each(['https://example.org/x.json', 'x.json', '//example.org', 'file:///etc/passwd', '#anchor', '#/%E0%A4%A'])(
    'never refers to anything outside of itself: %s',
    ($ref) => {
      expect(faultsOf({ items: { $ref } })).toEqual([
        "valueSchema items $ref: must be '#' or start with '#/': only this schema itself can be referred to",
      ])
    },
  )

  it.each(['#/$defs/missing', '#/default', '#/enum/0', '#/$defs', '#/toString'])('refers to schemas only, not to %s', ($ref) => {
    const schema: Json = { $ref, default: { pattern: '^(a+)+$' }, enum: [{ type: 'string' }], $defs: { there: true } }
    expect(faultsOf(schema)).toEqual(['valueSchema $ref: must lead to a schema inside this schema'])
  })

  it('has the limits of a value', () => {
    expect(faultsOf({ description: 'x'.repeat(70_000) })).toEqual(['valueSchema: must be at most 65536 bytes of JSON, has 70018'])
    let deep: Json = {}
    for (let level = 0; level < 33; level++) deep = { not: deep }
    expect(faultsOf(deep)).toEqual([`valueSchema ${'not '.repeat(32).trim()}: is nested too deeply`])
  })

  it('is made of at most 500 schemas, counting what references lead to, and 50 patterns', () => {
    const properties = Object.fromEntries(Array.from({ length: 499 }, (_, index) => [`p${index}`, true]))
    expect(faultsOf({ properties })).toEqual([])
    expect(faultsOf({ properties: { ...properties, one: true } })).toEqual([TOO_LARGE])
    expect(faultsOf({ $defs: { all: { properties } }, properties: { a: { $ref: '#/$defs/all' } } })).toEqual([TOO_LARGE])
    expect(faultsOf({ $defs: { all: { properties: { ...properties, one: true } } } })).toEqual([])
    const names = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`p${index}`, ['a']]))
    expect(faultsOf({ dependentRequired: names })).toEqual([TOO_LARGE])
    const patterns = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`^${index}`, true]))
    expect(faultsOf({ patternProperties: patterns })).toEqual(['valueSchema: must have at most 50 patterns, has 51'])
  })

  it.each<[string, Json, string[]]>([
    ['a branching one, too many levels', { properties: { left: { $ref: '#' }, right: { $ref: '#' } } }, [TOO_LARGE]],
    ['one that doubles at each step', doubling(60), [TOO_LARGE]],
    ['a circle', { $ref: '#' }, ['valueSchema $ref: must not lead back to itself without going into the value']],
    [
      'a circle over two',
      { $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [{ $ref: '#/$defs/a' }] } }, items: { $ref: '#/$defs/a' } },
      ['valueSchema $defs b allOf 0 $ref: must not lead back to itself without going into the value'],
    ],
  ])('is not unfolded without end: %s', (_, schema, expected) => {
    expect(faultsOf(schema)).toEqual(expected)
    expect(faultsOf(schema, 1)).toEqual(expected)
  })

  it('that is recursive holds on every level that a value can have', () => {
    const schema: Json = { properties: { next: { $ref: '#' }, count: { type: 'number' } }, additionalProperties: false }
    const chain = (levels: number, end: Json): Json => (levels === 0 ? end : { count: levels, next: chain(levels - 1, end) })
    for (const levels of [0, 1, 2, 31]) {
      expect(faultsOf(schema, chain(levels, { count: 0 }))).toEqual([])
      expect(faultsOf(schema, chain(levels, { count: '0' }))).toEqual([`value ${'next '.repeat(levels)}count: must be number`])
    }
  })

  it('is never run as code, whatever its texts hold', () => {
    const hostile = `'"\`\\\n\u2028*/};globalThis.injected=1;//$\{globalThis.injected=1}`
    const schema: Json = {
      title: hostile,
      $defs: { [hostile]: { const: hostile } },
      properties: { [hostile]: { enum: [hostile] } },
      required: [hostile],
      dependentRequired: { [hostile]: [hostile] },
      patternProperties: { [`^${hostile.replace(/[*(){}$|/\\]/g, '\\$&')}`]: true },
      additionalProperties: { $ref: `#/$defs/${encodeURIComponent(hostile.replaceAll('~', '~0').replaceAll('/', '~1'))}` },
    }
    expect(faultsOf(schema)).toEqual([])
    expect(faultsOf(schema, { [hostile]: hostile, other: hostile })).toEqual([])
    expect(faultsOf(schema, { [hostile]: 'x' })).toHaveLength(1)
    expect(Object.hasOwn(globalThis, 'injected')).toBe(false)
  })

  it('that passes is valid by the meta-schema of JSON Schema 2020-12', () => {
    const meta = new Ajv2020({ strict: false, validateFormats: false })
    const keyword = fc.constantFrom(
      'type',
      'items',
      'properties',
      'required',
      'enum',
      'minimum',
      'maxLength',
      'anyOf',
      'not',
      'pattern',
      'uniqueItems',
    )
    const { schema } = fc.letrec<{ schema: Json; object: Json; leaf: Json }>((tie) => ({
      schema: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('object')),
      leaf: fc.constantFrom<Json>(true, 'string', 'integer', 0, -1, 1.5, null, [], ['a'], ['a', 'a'], ['null', 'string'], [true], [{}], {}),
      object: fc.dictionary(keyword, tie('schema'), { maxKeys: 3 }),
    }))
    let passed = 0
    fc.assert(
      fc.property(schema, (candidate) => {
        if (validateSchema(candidate).length > 0) return
        passed += 1
        expect(meta.validateSchema(candidate as object | boolean)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
    expect(passed).toBeGreaterThan(50)
  })
})

describe('a value', () => {
  it('that fits its schema passes', () => {
    expect(
      faultsOf(SERVICE, { host: 'db.example.org', port: 5432, tags: ['a', 'b'], mode: 'safe', limits: { maxRows: 1, maxTime: null } }),
    ).toEqual([])
  })

  it('gets the verdict that Ajv gives by the references themselves', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false, validateSchema: false })
    const { schema } = fc.letrec<{ schema: Json }>((tie) => ({
      schema: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<Json>(true, false, { type: 'number' }, { required: ['a'] }, { maxItems: 1 }, { const: 'a' }, { minProperties: 2 }),
        fc.constantFrom<Json>({ $ref: '#/$defs/a' }, { $ref: '#/$defs/b' }, { $ref: '#/$defs/b', not: { $ref: '#/$defs/a' } }),
        fc.record({ $ref: fc.constant('#/$defs/a'), allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
        fc.dictionary(fc.constantFrom('items', 'not', 'if', 'then', 'additionalProperties', 'unevaluatedProperties'), tie('schema'), {
          maxKeys: 2,
        }),
        fc.record({ properties: fc.record({ a: tie('schema'), b: tie('schema') }, { requiredKeys: [] }) }),
        fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      ),
    }))
    const value = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<Json>(1, 'a', null),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
      ),
    })).value
    const seen = { ok: 0, faulty: 0 }
    fc.assert(
      fc.property(schema, schema, fc.tuple(schema, value), (root, a, [b, candidate]) => {
        const whole: Json = { $defs: { a, b }, allOf: [root] }
        if (validateSchema(whole).length > 0) return
        const isValid = ajv.validate(whole as object, candidate)
        seen[isValid ? 'ok' : 'faulty'] += 1
        expect(validateValue(whole, candidate).length === 0).toBe(isValid)
      }),
      { numRuns: 1_000 },
    )
    expect(Math.min(seen.ok, seen.faulty)).toBeGreaterThan(100)
  })

  it('that does not fit is answered with every fault, each at its place', () => {
    const value: Json = { port: 0, tags: ['a', 'B', 'a', 7], mode: 'canary', limits: { maxRows: 'x', min: 1 }, extra: true }
    expect(faultsOf(SERVICE, value).sort()).toEqual([
      'value extra: is not a property that the schema allows',
      'value host: is required',
      'value limits maxRows: must be number,null',
      'value limits min: must match pattern "^max"',
      'value mode: must be one of "fast","safe"',
      'value port: must be >= 1',
      'value tags 1: must match pattern "^[a-z]+$"',
      'value tags 3: must be string',
      'value tags: must NOT have duplicate items',
      'value tags: must NOT have more than 3 items',
    ])
  })

  it('is pointed into by plain segments, also where names hold slashes and tildes', () => {
    expect(validateValue({ properties: { 'a/b~c': { items: { type: 'null' } } } }, { 'a/b~c': [null, 1] })).toEqual([
      { code: 'INVALID', field: ['value', 'a/b~c', '1'], message: 'This must be null.' },
    ])
  })

  it.each<[Json, Json, string[]]>([
    [{ $ref: '#/$defs/a~1b%20~0', $defs: { 'a/b ~': { type: 'null' } } }, 1, ['value: must be null']],
    [{ const: { a: 1 } }, 2, ['value: must be {"a":1}']],
    [{ properties: { a: false } }, { a: 1 }, ['value a: is not allowed by the schema']],
    [{ dependentRequired: { a: ['b'] } }, { a: 1 }, ['value b: is required beside "a"']],
    [
      { allOf: [{ properties: { a: true } }], unevaluatedProperties: false },
      { a: 1, b: 2 },
      ['value b: is not a property that the schema allows'],
    ],
    [JSON.parse('{"if":{"type":"string"},"then":{"minLength":2}}') as Json, 'a', ['value: must NOT have fewer than 2 characters']],
    [
      { uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      ['value: must NOT have duplicate items'],
    ],
    [{ uniqueItems: false }, [1, 1], []],
    [{ format: 'date' }, '2026-02-30', ['value: must match format "date"']],
    [{ required: ['toString'], properties: { valueOf: { type: 'string' } } }, {}, ['value toString: is required']],
    [{ properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } }, { a: 'a', b: 'a' }, ['value b: must match pattern "^b$"']],
    [{ type: 'string' }, 'x', []],
    [false, 1, ['value: is not allowed by the schema']],
  ])('by the schema %j, %j has the faults %j', (schema, value, expected) => {
    expect(faultsOf(schema, value)).toEqual(expected)
  })

  it('is checked by the schema that a reference names, whatever the name', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '/', '~', '%', '#', ' ', '0', '1', '"', '\\', 'é', '.', '?', '😀', '$') })
    fc.assert(
      fc.property(name, (definition) => {
        const pointer = definition.replaceAll('~', '~0').replaceAll('/', '~1')
        const schema: Json = { $defs: { [definition]: { type: 'null' } }, $ref: `#/$defs/${encodeURIComponent(pointer)}` }
        expect(faultsOf(schema, 1)).toEqual(['value: must be null'])
      }),
    )
  })

  it('is not checked by a faulty schema: the faults of the schema are the answer', () => {
    expect(faultsOf({ type: 'x' }, 1)).toEqual([
      'valueSchema type: must be one or a list of null, boolean, object, array, number, integer, string',
    ])
  })

  it('with very many faults is answered with 100 and says that there are more', () => {
    const errors = faultsOf(
      { items: { type: 'string' } },
      Array.from({ length: 5_000 }, () => 1),
    )
    expect(errors).toHaveLength(101)
    expect(errors.at(-1)).toBe('value: has more faults than these 100')
  })

  it('is not changed by the check, and one check leaves nothing to the next', () => {
    const schema: Json = { properties: { a: { type: 'number', default: 7 }, b: { default: 1 } } }
    const value = Object.freeze({ a: '1' })
    expect(faultsOf(schema, value)).toEqual(['value a: must be number'])
    expect(faultsOf(schema, { a: 1 })).toEqual([])
    expect(value).toEqual({ a: '1' })
  })

  it('gets the same answer from its schema written in another order', () => {
    expect(faultsOf({ minimum: 5, type: 'number' }, 1)).toEqual(faultsOf({ type: 'number', minimum: 5 }, 1))
  })

  it('is never quoted in a message', () => {
    const canary = 'kanarienvogel'
    const schema = fc.constantFrom<Json>(
      SERVICE,
      { const: 1 },
      { enum: [1] },
      { type: 'null' },
      { pattern: '^x' },
      { maxLength: 1, format: 'email' },
      false,
    )
    fc.assert(
      fc.property(schema, fc.constantFrom('host', 'mode', 'tags', 'limits', 'q'), fc.boolean(), (by, name, isBare) => {
        const messages = validateValue(by, isBare ? canary : { [name]: canary, deep: [{ [name]: [canary] }] }).map(({ message }) => message)
        expect(messages.join('\n')).not.toContain(canary)
      }),
    )
  })

  it('gets an answer, whatever schema and value are', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (schema, value) => {
        expect(Array.isArray(validateValue(schema as Json, value as Json))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
