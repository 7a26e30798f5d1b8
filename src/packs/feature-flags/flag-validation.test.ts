import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constraintOf, strategyOf } from '../../../test/testkit/flag-parts.js'
import type { Json } from '../../core/values/json.js'
import type { ConstraintOperator, FlagConstraint, FlagStrategy, FlagVariant } from './evaluation/evaluation.js'
import { validateStrategies, validateVariants } from './flag-validation.js'

const variantOf = (over: Partial<FlagVariant> = {}): FlagVariant => ({ name: 'a', weight: 1, value: null, ...over })

/** Faults as `CODE path`, the part of them that callers branch on. */
const strategyFaults = (...strategies: FlagStrategy[]) =>
  validateStrategies(strategies, ['strategies']).map(({ code, field }) => `${code} ${field?.join('.')}`)
const variantFaults = (...variants: FlagVariant[]) =>
  validateVariants(variants, ['variants']).map(({ code, field }) => `${code} ${field?.join('.')}`)
const constraintFaults = (over: Partial<FlagConstraint>) => strategyFaults(strategyOf({ constraints: [constraintOf(over)] }))

describe('strategies', () => {
  it('that are in order have no faults', () => {
    const strategy = strategyOf({
      constraints: [
        constraintOf(),
        constraintOf({ operator: 'NOT_IN', values: [] }),
        constraintOf({ operator: 'NUM_GTE', values: ['-1.5'] }),
        constraintOf({ operator: 'DATE_AFTER', contextField: 'currentTime', values: ['2030-01-31T08:00:00+01:00'] }),
        constraintOf({ operator: 'SEMVER_LT', values: ['2.0.0-rc.1'] }),
      ],
      rolloutPercent: 33.33,
      stickiness: 'tenant.id',
      groupId: 'checkout',
    })
    expect(validateStrategies([strategy, strategyOf()], ['strategies'])).toEqual([])
    expect(validateStrategies([], ['strategies'])).toEqual([])
  })

  it('are reported with every fault at once, each at its place', () => {
    const bad = strategyOf({
      rolloutPercent: 101,
      stickiness: 'a b',
      groupId: 'g'.repeat(201),
      constraints: [constraintOf(), constraintOf({ contextField: '', operator: 'NUM_EQ', values: ['many'] })],
    })
    expect(strategyFaults(strategyOf(), bad)).toEqual([
      'INVALID strategies.1.rolloutPercent',
      'INVALID strategies.1.stickiness',
      'INVALID strategies.1.groupId',
      'INVALID strategies.1.constraints.1.contextField',
      'INVALID strategies.1.constraints.1.values.0',
    ])
  })

  it('say what to do', () => {
    const faults = validateStrategies(
      [strategyOf({ rolloutPercent: 1.234, constraints: [constraintOf({ operator: 'SEMVER_EQ', values: ['v1'] })] })],
      ['strategies'],
    )
    expect(faults.map(({ message }) => message)).toEqual([
      'This must have at most two decimals, such as 33.33.',
      'SEMVER_EQ needs a version by SemVer 2.0.0 such as 1.2.3 (no leading v).',
    ])
  })

  it.each([-0.01, 100.01, Number.NaN, Number.POSITIVE_INFINITY, 0.001, 33.333, 99.999])(
    'refuse a rollout of %d percent',
    (rolloutPercent) => {
      expect(strategyFaults(strategyOf({ rolloutPercent }))).toEqual(['INVALID strategies.0.rolloutPercent'])
    },
  )

  it('take every percentage with two decimals', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), (hundredths) => {
        expect(strategyFaults(strategyOf({ rolloutPercent: Number((hundredths / 100).toFixed(2)) }))).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('keep to the limits of their lists', () => {
    const strategies = Array.from({ length: 101 }, () => strategyOf())
    expect(strategyFaults(...strategies)).toEqual(['LIMIT_EXCEEDED strategies'])
    expect(strategyFaults(...strategies.slice(1))).toEqual([])
    const constraints = Array.from({ length: 101 }, () => constraintOf())
    expect(strategyFaults(strategyOf({ constraints }))).toEqual(['LIMIT_EXCEEDED strategies.0.constraints'])
    expect(strategyFaults(strategyOf({ constraints: constraints.slice(1) }))).toEqual([])
    const values = Array.from({ length: 1001 }, (_, index) => String(index))
    expect(constraintFaults({ values })).toEqual(['LIMIT_EXCEEDED strategies.0.constraints.0.values'])
    expect(constraintFaults({ values: values.slice(1) })).toEqual([])
  })
})

describe('a constraint', () => {
  it.each(['', 'a b', 'a'.repeat(101), 'naïve', 'a/b', 'a\n'])('refuses the context field "%s"', (contextField) => {
    expect(constraintFaults({ contextField })).toEqual(['INVALID strategies.0.constraints.0.contextField'])
  })

  it('refuses an operator that is not known, also the name of an inherited property', () => {
    for (const name of ['REGEX', 'constructor', '__proto__']) {
      expect(constraintFaults({ operator: name as ConstraintOperator })).toEqual(['INVALID strategies.0.constraints.0.operator'])
    }
  })

  it.each([
    'NUM_EQ',
    'NUM_GT',
    'NUM_GTE',
    'NUM_LT',
    'NUM_LTE',
    'DATE_AFTER',
    'DATE_BEFORE',
    'SEMVER_EQ',
    'SEMVER_GT',
    'SEMVER_LT',
  ] as const)('with %s needs exactly one value that can be read', (operator) => {
    const good = operator.startsWith('NUM') ? '1' : operator.startsWith('DATE') ? '2030-01-01T00:00:00Z' : '1.0.0'
    expect(constraintFaults({ operator, values: [good] })).toEqual([])
    expect(constraintFaults({ operator, values: [] })).toEqual(['REQUIRED strategies.0.constraints.0.values'])
    expect(constraintFaults({ operator, values: [good, good] })).toEqual(['INVALID strategies.0.constraints.0.values'])
    expect(constraintFaults({ operator, values: ['nonsense'] })).toEqual(['INVALID strategies.0.constraints.0.values.0'])
  })

  it.each(['STR_STARTS_WITH', 'STR_ENDS_WITH', 'STR_CONTAINS'] as const)('with %s refuses an empty text', (operator) => {
    expect(constraintFaults({ operator, values: ['a', ''] })).toEqual(['INVALID strategies.0.constraints.0.values.1'])
  })

  it('refuses texts that are too long', () => {
    expect(constraintFaults({ values: ['v'.repeat(1000), 'v'.repeat(1001)] })).toEqual(['INVALID strategies.0.constraints.0.values.1'])
  })
})

describe('variants', () => {
  it('that are in order have no faults', () => {
    expect(validateVariants([], ['variants'])).toEqual([])
    expect(validateVariants([variantOf({ value: { colour: ['red'] } }), variantOf({ name: 'b', weight: 0 })], ['variants'])).toEqual([])
  })

  it('are reported with every fault at once, each at its place', () => {
    expect(
      variantFaults(
        variantOf({ name: '', weight: 1001 }),
        variantOf({ name: 'n'.repeat(101), weight: 0.5 }),
        variantOf({ name: 'b', value: JSON.parse('{"__proto__": 1}') as Json }),
        variantOf({ name: 'b', weight: -1 }),
      ),
    ).toEqual([
      'REQUIRED variants.0.name',
      'INVALID variants.0.weight',
      'INVALID variants.1.name',
      'INVALID variants.1.weight',
      'INVALID variants.2.value.__proto__',
      'INVALID variants.3.weight',
      'INVALID variants.3.name',
    ])
  })

  it('need a weight above 0 among them', () => {
    expect(variantFaults(variantOf({ weight: 0 }), variantOf({ name: 'b', weight: 0 }))).toEqual(['INVALID variants'])
  })

  it('are at most 100', () => {
    const variants = Array.from({ length: 101 }, (_, index) => variantOf({ name: `v${index}` }))
    expect(variantFaults(...variants)).toEqual(['LIMIT_EXCEEDED variants'])
    expect(variantFaults(...variants.slice(1))).toEqual([])
  })

  it('carry JSON of at most 16 KiB and depth 16', () => {
    const nest = (depth: number): Json => (depth === 0 ? 1 : [nest(depth - 1)])
    expect(variantFaults(variantOf({ value: nest(16) }))).toEqual([])
    expect(variantFaults(variantOf({ value: nest(17) }))).toEqual([`INVALID variants.0.value${'.0'.repeat(16)}`])
    expect(variantFaults(variantOf({ value: 'x'.repeat(16 * 1024 - 2) }))).toEqual([])
    expect(variantFaults(variantOf({ value: 'x'.repeat(16 * 1024 - 1) }))).toEqual(['INVALID variants.0.value'])
  })
})
