import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../../core/values/json.js'
import { compileConstraint } from './constraints.js'
import { readContextField } from './context-field.js'
import { CONSTRAINT_OPERATORS, type ConstraintOperator, type EvaluationContext, type FlagConstraint } from './evaluation.js'
import { EvaluationSubject } from './evaluation-subject.js'
import { parseDecimal, parseInstant, parseVersion } from './values.js'

const NOW = new Date('2026-06-01T12:00:00.000Z')

const constraintOf = (operator: ConstraintOperator, values: readonly string[], over: Partial<FlagConstraint> = {}): FlagConstraint => ({
  contextField: 'x',
  operator,
  values,
  isInverted: false,
  isCaseInsensitive: false,
  ...over,
})
const isConstraintMet = (constraint: FlagConstraint, context: EvaluationContext) =>
  compileConstraint(constraint)(new EvaluationSubject(context, NOW))
const isMet = (constraint: FlagConstraint, x?: Json) => isConstraintMet(constraint, x === undefined ? {} : { properties: { x } })

describe('a context field', () => {
  it('is the named field first, then the own property of that name', () => {
    expect(readContextField({ userId: 'named', properties: { userId: 'property' } }, 'userId', NOW)).toBe('named')
    expect(readContextField({ userId: null, properties: { userId: 'property' } }, 'userId', NOW)).toBe('property')
    expect(readContextField({ properties: { region: 'eu' } }, 'region', NOW)).toBe('eu')
  })

  it.each(['targetingKey', 'userId', 'sessionId', 'remoteAddress', 'environment', 'appName'] as const)(
    '%s is read by its name',
    (field) => {
      expect(readContextField({ [field]: 'value' }, field, NOW)).toBe('value')
    },
  )

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('%s is not found on a prototype', (field) => {
    expect(readContextField({ properties: {} }, field, NOW)).toBe(undefined)
    expect(readContextField({}, field, NOW)).toBe(undefined)
  })

  it.each(['abc', ['a', 'b'], 7, true])('is nothing that properties have which are no object: %j', (strange) => {
    const properties = strange as unknown as JsonObject
    for (const field of ['length', '0', 'toString']) expect(readContextField({ properties }, field, NOW)).toBe(undefined)
  })

  it('is no property that an object inherits', () => {
    const properties: { readonly [key: string]: Json } = Object.create({ tenant: 'inherited' })
    expect(readContextField({ properties }, 'tenant', NOW)).toBe(undefined)
  })

  it('makes numbers and booleans text; null, lists and objects count as absent', () => {
    const properties = { number: 1.5, yes: true, none: null, list: ['a'], object: { a: 1 } }
    const read = (field: string) => readContextField({ properties }, field, NOW)
    expect([read('number'), read('yes'), read('none'), read('list'), read('object')]).toEqual([
      '1.5',
      'true',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('currentTime is now unless given, in ISO 8601; an invalid date is absent', () => {
    expect(readContextField({}, 'currentTime', NOW)).toBe('2026-06-01T12:00:00.000Z')
    expect(readContextField({ currentTime: new Date(0) }, 'currentTime', NOW)).toBe('1970-01-01T00:00:00.000Z')
    expect(readContextField({ currentTime: new Date(Number.NaN) }, 'currentTime', NOW)).toBe(undefined)
  })
})

describe('an operator', () => {
  it('NOT_IN holds for a field that is missing, IN does not', () => {
    expect([isMet(constraintOf('IN', ['a'])), isMet(constraintOf('NOT_IN', ['a']))]).toEqual([false, true])
  })

  it('IN compares whole texts and heeds case, also when told not to', () => {
    const constraint = constraintOf('IN', ['Abc'], { isCaseInsensitive: true })
    expect([isMet(constraint, 'Abc'), isMet(constraint, 'abc'), isMet(constraint, 'Abcd')]).toEqual([true, false, false])
  })

  it.each([
    ['STR_STARTS_WITH', 'Hello', true],
    ['STR_STARTS_WITH', 'World', false],
    ['STR_ENDS_WITH', 'World', true],
    ['STR_ENDS_WITH', 'Hello', false],
    ['STR_CONTAINS', 'lo Wo', true],
    ['STR_CONTAINS', 'xyz', false],
  ] as const)('%s of "%s" in "Hello World" is %s; case counts unless told otherwise', (operator, value, expected) => {
    expect(isMet(constraintOf(operator, ['nothing', value]), 'Hello World')).toBe(expected)
    expect(isMet(constraintOf(operator, [value.toUpperCase()]), 'Hello World')).toBe(false)
    expect(isMet(constraintOf(operator, [value.toUpperCase()], { isCaseInsensitive: true }), 'Hello World')).toBe(expected)
  })

  it.each(['STR_STARTS_WITH', 'STR_ENDS_WITH', 'STR_CONTAINS'] as const)(
    '%s passes over an empty value, which would match all',
    (operator) => {
      expect(isMet(constraintOf(operator, ['']), 'anything')).toBe(false)
    },
  )

  it('NUM_* compare as numbers', () => {
    const operators = ['NUM_LT', 'NUM_LTE', 'NUM_EQ', 'NUM_GTE', 'NUM_GT'] as const
    const row = (actual: Json) => operators.map((operator) => isMet(constraintOf(operator, ['12.0']), actual))
    expect(row('9')).toEqual([true, true, false, false, false])
    expect(row(12)).toEqual([false, true, true, true, false])
    expect(row('100')).toEqual([false, false, false, true, true])
    expect(row('twelve')).toEqual([false, false, false, false, false])
    expect(row(true)).toEqual([false, false, false, false, false])
  })

  it('DATE_* exclude the bound, and read a property as a date-time', () => {
    const bound = '2026-06-01T12:00:00Z'
    const row = (context: EvaluationContext, contextField: string) =>
      (['DATE_BEFORE', 'DATE_AFTER'] as const).map((operator) =>
        isConstraintMet(constraintOf(operator, [bound], { contextField }), context),
      )
    expect(row({}, 'currentTime')).toEqual([false, false])
    expect(row({ currentTime: new Date(NOW.getTime() - 1) }, 'currentTime')).toEqual([true, false])
    expect(row({ currentTime: new Date(NOW.getTime() + 1) }, 'currentTime')).toEqual([false, true])
    expect(row({ currentTime: new Date(Number.NaN) }, 'currentTime')).toEqual([false, false])
    expect(row({ properties: { signedUpAt: '2026-06-01T13:00:00+02:00' } }, 'signedUpAt')).toEqual([true, false])
    expect(row({ properties: { signedUpAt: 'last week' } }, 'signedUpAt')).toEqual([false, false])
  })

  it('SEMVER_* go by precedence, without build metadata', () => {
    const row = (actual: string) =>
      (['SEMVER_LT', 'SEMVER_EQ', 'SEMVER_GT'] as const).map((operator) => isMet(constraintOf(operator, ['1.2.3']), actual))
    expect(row('1.2.3-rc.1')).toEqual([true, false, false])
    expect(row('1.2.3+build.7')).toEqual([false, true, false])
    expect(row('1.10.0')).toEqual([false, false, true])
    expect(row('v1.2.3')).toEqual([false, false, false])
  })

  it('that needs a value and has none does not match', () => {
    for (const operator of ['NUM_EQ', 'DATE_AFTER', 'SEMVER_EQ'] as const) expect(isMet(constraintOf(operator, []), '1')).toBe(false)
  })

  it('that is not known never matches, inverted or not', () => {
    const unknown = (name: string, isInverted: boolean) =>
      isMet({ ...constraintOf('IN', ['a'], { isInverted }), operator: name as ConstraintOperator }, 'a')
    for (const name of ['REGEX', 'constructor', '__proto__', ''])
      expect([unknown(name, false), unknown(name, true)]).toEqual([false, false])
  })

  it('inverted gives the opposite answer, for every known operator, value and context', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('1.2.3', '12', '2026-06-01T12:00:00Z', 'a'))
    const value: fc.Arbitrary<Json | undefined> = fc.oneof(text, fc.double({ noNaN: true }), fc.boolean(), fc.constantFrom(null, undefined))
    fc.assert(
      fc.property(
        fc.constantFrom(...CONSTRAINT_OPERATORS),
        fc.array(text, { maxLength: 3 }),
        fc.boolean(),
        value,
        (operator, values, isCaseInsensitive, x) => {
          const plain = isMet(constraintOf(operator, values, { isCaseInsensitive }), x)
          expect(isMet(constraintOf(operator, values, { isCaseInsensitive, isInverted: true }), x)).toBe(!plain)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('what is read from text', () => {
  it.each([
    ['12', 12],
    ['-0.5', -0.5],
    ['+3.', 3],
    ['.25', 0.25],
    ['1e3', 1000],
  ])('%s is the number %d', (text, expected) => {
    expect(parseDecimal(text)).toBe(expected)
  })

  it.each(['', ' 12', '12 ', '0x10', '1_000', '1,5', 'Infinity', 'NaN', '1e999', '.', '-', '1e', '１２'])('"%s" is no number', (text) => {
    expect(parseDecimal(text)).toBe(undefined)
  })

  it('every finite number is read back from its own text', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => parseDecimal(String(number)) === Number(String(number))),
    )
  })

  it.each([
    ['2022-01-22T13:00:00.000+02:00', Date.UTC(2022, 0, 22, 11)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2030-12-31T23:59Z', Date.UTC(2030, 11, 31, 23, 59)],
  ])('%s is an instant', (text, expected) => {
    expect(parseInstant(text)).toBe(expected)
  })

  it.each([
    '',
    '2022-01-22',
    '2022-01-22T13:00:00',
    '2023-02-29T00:00:00Z',
    '2022-13-01T00:00:00Z',
    '2022-01-00T00:00:00Z',
    '2022-01-01T25:00:00Z',
    '1700000000000',
    'January 1, 2022',
    '2022-01-01T00:00:00+25:00',
  ])('"%s" is no instant', (text) => {
    expect(parseInstant(text)).toBe(undefined)
  })

  it('every instant of the next centuries is read back from its own text', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('2500-01-01T00:00:00Z'), noInvalidDate: true }),
        (date) => {
          expect(parseInstant(date.toISOString())).toBe(date.getTime())
        },
      ),
    )
  })

  it.each(['1.2.3', '0.0.0', '1.0.0-alpha.1+build.5'])('%s is a version', (text) => {
    expect(parseVersion(text)?.raw).toBe(text)
  })

  it.each([
    '',
    '1',
    '1.2',
    '1.2.3.4',
    'v1.2.3',
    '=1.2.3',
    ' 1.2.3',
    '1.2.3 ',
    '1.2.3\n',
    '01.2.3',
    '1.2.3-',
    `1.2.${'9'.repeat(20)}`,
    `1.2.3-${'a'.repeat(300)}`,
  ])('"%s" is no version', (text) => {
    expect(parseVersion(text)).toBe(undefined)
  })
})
