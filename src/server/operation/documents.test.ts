import { buildSchema } from 'graphql'
import { expect, it } from 'vitest'
import { createLoadKinds } from '../load/load-kind.js'
import { Documents } from './documents.js'
import { SHORTCUTS } from './ways.js'

it('a document that is used stays known among thousands that are not, and beside the longest, and those are forgotten', () => {
  const schema = buildSchema('type Query { a: Int }')
  const documents = new Documents({ schema, kinds: createLoadKinds(schema), shortcuts: SHORTCUTS })
  const used = documents.read('{ a }')
  for (let index = 0; index < 3_000; index += 1) {
    documents.read(`{ a${index}: a }`)
    if (index % 100 === 0) expect(documents.find('{ a }')).toBe(used)
  }
  expect(documents.find('{ a0: a }')).toBe(undefined)
  for (let index = 0; index < 30; index += 1) documents.read(`{ a } # ${String(index).repeat(100_000)}`)
  expect(documents.find('{ a }')).toBe(used)
})
