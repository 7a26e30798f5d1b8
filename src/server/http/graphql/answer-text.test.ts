import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { answerText } from './answer-text.js'

it('the text of an answer is what JSON.stringify makes of it, in however many pieces it is written', async () => {
  const values = fc.anything({ values: [fc.string({ unit: 'binary' }), fc.boolean(), fc.double(), fc.constantFrom(null, undefined)] })
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 0, max: 40 }), async (value, pieceLength) => {
      const answer = { data: { value, list: [value, undefined] } }
      expect(await answerText(answer, pieceLength)).toBe(`${JSON.stringify(answer)}\n`)
    }),
    { numRuns: 500 },
  )
})

it('a large answer lets others have their turn while it is written, and a small one is there at once', async () => {
  const value = Array.from({ length: 1_000 }, (_, index) => `line ${index} `.padEnd(47, '.'))
  const answer = { data: { values: Array.from({ length: 300 }, () => ({ value })) } }
  let turns = 0
  const state = { isOver: false }
  const counting = (async () => {
    for (; !state.isOver; turns += 1) await nextTurn()
  })()
  expect(await answerText(answer)).toHaveLength(JSON.stringify(answer).length + 1)
  state.isOver = true
  await counting
  expect(turns).toBeGreaterThan(3)
  expect(answerText({ data: { values: Array.from({ length: 6_000 }, () => 1 / 3) } })).toBeInstanceOf(Promise)
  expect(answerText({ data: { isFeatureEnabled: true } })).toBe('{"data":{"isFeatureEnabled":true}}\n')
})
