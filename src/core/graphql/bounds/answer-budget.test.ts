import fc from 'fast-check'
import { GraphQLError, locatedError } from 'graphql'
import { describe, expect, it } from 'vitest'
import { AnswerBudget, AnswerTooLargeError, findTooLarge } from './answer-budget.js'

describe('the budget of an answer', () => {
  it('never refuses what fits, and counts nearly all of it', () => {
    const answers = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ noUnicodeString: false }), { minKeys: 1 })
    fc.assert(
      fc.property(answers, (answer) => {
        const bytes = Buffer.byteLength(JSON.stringify(answer))
        const fits = new AnswerBudget(bytes)
        for (const [key, value] of Object.entries(answer)) expect(fits.admits(key, value)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
    const tight = new AnswerBudget(1_000)
    const add = () => tight.admits('text', '"'.repeat(100))
    expect(Array.from({ length: 4 }, add)).toEqual([true, true, true, true])
    expect(add).toThrow(AnswerTooLargeError)
  })

  it('says once that it is spent, and admits nothing more', () => {
    const budget = new AnswerBudget(100)
    budget.load(101)
    expect(budget.isSpent).toBe(true)
    expect(() => budget.admits('a', 1)).toThrow(AnswerTooLargeError)
    expect([budget.admits('a', 1), budget.admits('b', null)]).toEqual([false, false])
  })

  it('is found among errors however they are wrapped', () => {
    const fault = new AnswerTooLargeError(100)
    const wrapped = locatedError(new GraphQLError('outer', { originalError: fault }), undefined, ['a'])
    expect(findTooLarge([new GraphQLError('other'), wrapped])).toBe(fault)
    expect(findTooLarge([new GraphQLError('other')])).toBeUndefined()
  })
})
