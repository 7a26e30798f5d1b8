import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constraintOf, strategyOf } from '../../../../test/testkit/flag-parts.js'
import type { JsonObject } from '../../../core/values/json.js'
import { evaluateFlag } from './evaluate.js'
import { CONSTRAINT_OPERATORS, EVALUATION_REASONS, type EvaluableFlag, type EvaluationContext, type FlagStrategy } from './evaluation.js'
import { EvaluationSubject } from './evaluation-subject.js'

const NOW = new Date('2026-06-01T12:00:00.000Z')

const flagOf = (over: Partial<EvaluableFlag> = {}): EvaluableFlag => ({ key: 'f', isEnabled: true, strategies: [], variants: [], ...over })

function evaluate(
  flag: EvaluableFlag | undefined,
  context: EvaluationContext = {},
  over: { defaultValue?: boolean; random?: () => number } = {},
) {
  return evaluateFlag({
    key: 'f',
    flag,
    revision: 7,
    subject: new EvaluationSubject(context, NOW),
    defaultValue: over.defaultValue ?? true,
    isExplained: true,
    random: over.random ?? (() => 0.25),
  })
}

function isOn(strategies: readonly FlagStrategy[], context: EvaluationContext): boolean {
  return evaluate(flagOf({ strategies }), context).isEnabled
}

describe('an outcome and its reason', () => {
  it.each([true, false])('a missing flag is the default of the caller: %s', (defaultValue) => {
    expect(evaluate(undefined, {}, { defaultValue })).toMatchObject({
      key: 'f',
      isEnabled: defaultValue,
      reason: 'DEFAULT',
      variant: null,
      value: null,
      revision: 7,
      explanation: 'There is no flag of this key, so the default given by the caller holds.',
    })
  })

  it('a disabled flag is off for everybody, whatever its strategies and variants', () => {
    const flag = flagOf({ isEnabled: false, strategies: [strategyOf()], variants: [{ name: 'a', weight: 1, value: 1 }] })
    expect(evaluate(flag, { userId: '1' })).toMatchObject({
      key: 'f',
      isEnabled: false,
      reason: 'DISABLED',
      variant: null,
      value: null,
      revision: 7,
      explanation: 'The flag is switched off for everybody.',
    })
  })

  it('a flag without strategies is on for everybody', () => {
    expect(evaluate(flagOf())).toMatchObject({ isEnabled: true, reason: 'STATIC', variant: null })
  })

  it('one variant is no split; several are', () => {
    const one = [{ name: 'a', weight: 5, value: { x: [1] } }]
    expect(evaluate(flagOf({ variants: one }), { userId: '1' })).toMatchObject({ reason: 'STATIC', variant: 'a', value: { x: [1] } })
    expect(evaluate(flagOf({ variants: [...one, { name: 'b', weight: 0, value: null }] }), { userId: '1' })).toMatchObject({
      reason: 'STATIC',
      variant: 'a',
    })
    expect(evaluate(flagOf({ variants: [...one, { name: 'b', weight: 1, value: null }] }), { userId: '1' })).toMatchObject({
      reason: 'SPLIT',
    })
  })

  it('a matching strategy says so', () => {
    const strategies = [strategyOf({ constraints: [constraintOf({ values: ['se'] })] }), strategyOf({ constraints: [constraintOf({})] })]
    expect(evaluate(flagOf({ strategies }), { properties: { country: 'no' } })).toMatchObject({
      isEnabled: true,
      reason: 'TARGETING_MATCH',
      explanation: 'Strategy 2 of 2 matched: its constraint holds and its rollout takes everybody.',
    })
  })

  it('constraints that do not hold are DEFAULT and off, also when the default of the caller is on', () => {
    const strategies = [strategyOf({ constraints: [constraintOf({ isInverted: true })] })]
    expect(evaluate(flagOf({ strategies }), { properties: { country: 'no' } })).toMatchObject({
      isEnabled: false,
      reason: 'DEFAULT',
      explanation: 'The only strategy did not match: its constraint not IN on country does not hold.',
    })
  })

  it('a partial rollout is SPLIT on both sides', () => {
    const strategies = [strategyOf({ rolloutPercent: 73, groupId: 'gr1' })]
    expect(evaluate(flagOf({ strategies }), { userId: '123' })).toMatchObject({
      isEnabled: true,
      reason: 'SPLIT',
      explanation: 'Strategy 1 of 1 matched: it has no constraints and its rollout of 73 percent takes this caller (stickiness default).',
    })
    expect(evaluate(flagOf({ strategies: [strategyOf({ rolloutPercent: 72, groupId: 'gr1' })] }), { userId: '123' })).toMatchObject({
      isEnabled: false,
      reason: 'SPLIT',
      explanation: 'The only strategy did not match: its rollout of 72 percent leaves this caller out.',
    })
  })

  it('explains the first three of many misses, without values', () => {
    const strategies = [
      strategyOf({ constraints: [constraintOf({ values: ['secret-country'] })] }),
      strategyOf({ rolloutPercent: 0 }),
      strategyOf({ stickiness: 'tenant' }),
      strategyOf({ rolloutPercent: 0 }),
    ]
    expect(evaluate(flagOf({ strategies }), { userId: '1' })).toMatchObject({
      reason: 'DEFAULT',
      explanation:
        'None of the 4 strategies matched: strategy 1: its constraint IN on country does not hold; strategy 2: its rollout of 0 percent takes nobody; ' +
        'strategy 3: the context has no tenant, which its stickiness needs; and 1 more.',
    })
  })

  it('a failing evaluation is the default, with the error handed over', () => {
    const errors: unknown[] = []
    const random = () => {
      throw new Error('no entropy')
    }
    const flag = flagOf({ strategies: [strategyOf({ stickiness: 'random' })] })
    const subject = new EvaluationSubject({}, NOW)
    const input = { key: 'f', flag, revision: 7, subject, defaultValue: true, isExplained: true, random }
    const failed = { isEnabled: true, reason: 'ERROR', variant: null, value: null }
    expect(evaluateFlag({ ...input, onError: (error, key) => errors.push([key, error]) })).toMatchObject(failed)
    expect(errors).toEqual([['f', new Error('no entropy')]])
    const onError = () => {
      throw new Error('the logger is broken')
    }
    expect(evaluateFlag({ ...input, onError })).toMatchObject(failed)
  })

  it('never throws and always answers in full, for any garbage as flag and context', () => {
    const garbage = fc.anything({ withNullPrototype: true, withDate: true, withBigInt: true, withSparseArray: true })
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('__proto__', 'constructor', 'default', 'random', 'currentTime', ''),
    )
    const constraint = fc.record(
      {
        contextField: fc.oneof(text, garbage),
        operator: fc.oneof(fc.constantFrom(...CONSTRAINT_OPERATORS), garbage),
        values: fc.oneof(fc.array(text), garbage),
        isInverted: garbage,
        isCaseInsensitive: garbage,
      },
      { requiredKeys: [] },
    )
    const strategy = fc.record(
      {
        constraints: fc.oneof(fc.array(fc.oneof(constraint, garbage)), garbage),
        rolloutPercent: fc.oneof(fc.double(), garbage),
        stickiness: fc.oneof(text, garbage),
        groupId: fc.oneof(text, garbage),
      },
      { requiredKeys: [] },
    )
    const flag = fc.record(
      {
        key: fc.oneof(text, garbage),
        isEnabled: garbage,
        strategies: fc.oneof(fc.array(fc.oneof(strategy, garbage)), garbage),
        variants: fc.oneof(fc.array(garbage), garbage),
      },
      { requiredKeys: [] },
    )
    const context = fc.record({ userId: fc.oneof(text, garbage), currentTime: garbage, properties: garbage }, { requiredKeys: [] })
    fc.assert(
      fc.property(fc.oneof(flag, garbage), fc.oneof(context, garbage), fc.boolean(), (anyFlag, anyContext, defaultValue) => {
        const answer = evaluate(anyFlag as EvaluableFlag, anyContext as EvaluationContext, { defaultValue })
        expect(EVALUATION_REASONS).toContain(answer.reason)
        expect(typeof answer.isEnabled).toBe('boolean')
        expect(answer.explanation).toMatch(/^.+\.$/s)
        if (answer.reason === 'ERROR') expect(answer.isEnabled).toBe(defaultValue)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('strategies together', () => {
  it("are OR'd, their constraints AND'd", () => {
    const country = constraintOf({})
    const plan = constraintOf({ contextField: 'plan', values: ['pro'] })
    const both = [strategyOf({ constraints: [country, plan] })]
    const either = [strategyOf({ constraints: [country] }), strategyOf({ constraints: [plan] })]
    const properties: JsonObject[] = [{}, { country: 'no' }, { plan: 'pro' }, { country: 'no', plan: 'pro' }]
    const contexts = properties.map((each) => ({ properties: each }))
    expect(contexts.map((context) => isOn(both, context))).toEqual([false, false, false, true])
    expect(contexts.map((context) => isOn(either, context))).toEqual([false, true, true, true])
  })

  it('an earlier rollout that leaves the caller out does not hold a later one back', () => {
    expect(isOn([strategyOf({ rolloutPercent: 0 }), strategyOf()], { userId: '1' })).toBe(true)
  })

  it('the first strategy that matches decides how variants are drawn', () => {
    const variants = Array.from({ length: 100 }, (_, index) => ({ name: `v${index}`, weight: 1, value: index }))
    const byTenant = strategyOf({ stickiness: 'tenant', groupId: 'g' })
    const draw = (strategies: FlagStrategy[], context: EvaluationContext) => evaluate(flagOf({ strategies, variants }), context).variant
    const context = { userId: '1', properties: { tenant: 'acme' } }
    expect(draw([byTenant, strategyOf()], context)).toBe(draw([byTenant], { userId: '2', properties: { tenant: 'acme' } }))
    expect(draw([strategyOf(), byTenant], context)).toBe(draw([strategyOf()], { userId: '1' }))
    expect(draw([byTenant], context)).not.toBe(draw([strategyOf()], context))
  })
})
