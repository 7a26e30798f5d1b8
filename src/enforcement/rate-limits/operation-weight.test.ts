import 'reflect-metadata'
import fc from 'fast-check'
import { parse } from 'graphql'
import { beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../core/platform/ids.js'
import { Draft } from '../../core/state/draft.js'
import { Snapshot } from '../../core/state/snapshot.js'
import { featureFlagCollection } from '../../packs/feature-flags/feature-flag.collection.js'
import { packs } from '../../packs/index.js'
import { buildPackSchema } from '../../server/schema.js'
import { createScales, type WeighOperation } from './operation-weight.js'

const AT = new Date('2026-01-01T00:00:00.000Z')
const blank = { description: null, isEnabled: true, strategies: [], variants: [], version: 1, createdAt: AT, updatedAt: AT }

/** Three flags of the group `a`, two of the group `b`. */
function someFlags(): Snapshot {
  const draft = new Draft(
    Snapshot.empty(
      packs.flatMap(({ collections = [] }) => collections),
      { revision: 0, digest: '' },
    ),
  )
  for (const [index, group] of ['a', 'b', 'a', 'b', 'a'].entries())
    draft.put(featureFlagCollection, { ...blank, key: `flag-${index}`, id: newId(), group })
  return draft.toSnapshot({ revision: 1, digest: '' })
}

const snapshot = someFlags()
let weigh: WeighOperation

beforeAll(() => {
  weigh = createScales(buildPackSchema(packs))
})

function weightOf(query: string, variables: Record<string, unknown> = {}): number {
  return whole(query, variables).objects
}

function whole(query: string, variables: Record<string, unknown> = {}) {
  const document = parse(query)
  const [operation] = document.definitions
  if (operation?.kind !== 'OperationDefinition') throw new TypeError('the operation comes first')
  return weigh({ document, operation, variables, snapshot })
}

describe('the weight of an operation', () => {
  it('is a number that nothing makes less than none, whatever the arguments are that a length follows from', () => {
    const given = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constantFrom(null, true, [], {}, ['a', 'b']))
    const lists = [
      'smokeHistory(days: $v) { date }',
      'requestRates(stepSeconds: $v) { at }',
      'search(text: "x", first: $v) { key }',
      'configPrefixes(prefix: $v) { name }',
      'evaluateFlags(keys: $v) { key }',
      'evaluateFlags(group: $v) { key }',
      'compareRevisions(from: $v, to: 3) { targetKey }',
      'compareRevisions(from: 3, to: $v) { targetKey }',
    ]
    fc.assert(
      fc.property(given, fc.constantFrom(...lists), (v, list) => {
        expect(weightOf(`query ($v: Int) { ${list} }`, { v })).toBeGreaterThanOrEqual(0)
        expect(weightOf(`query ($v: Int) { ${list} configs(first: 10) { nodes { key } } }`, { v })).toBeGreaterThanOrEqual(10)
      }),
    )
  })

  it.each([
    ['one object', '{ featureFlag(key: "a") { key version } }', 1],
    ['a flag that is no object', '{ isFeatureEnabled(key: "a") }', 0],
    ['a page', '{ configs(first: 100) { nodes { key } } }', 100],
    ['a page whose size nobody says', '{ configs { nodes { key } } }', 20],
    ['no page at all', '{ configs(first: 0) { nodes { key } } }', 0],
    ['a page that is not looked at', '{ configs(first: 100) { totalCount pageInfo { hasNextPage } } }', 0],
    ['a page by its edges, which are its items', '{ configs(first: 10) { edges { cursor node { key } } pageInfo { endCursor } } }', 10],
    ['both ways of a page', '{ configs(first: 10) { edges { node { key } } nodes { key } } }', 20],
    ['a page of pages', '{ configs(first: 10) { nodes { history(first: 5) { nodes { id } } } } }', 60],
    ['objects within objects', '{ configs(first: 10) { nodes { lastChange { actor { id } } } } }', 30],
    ['a list that is part of an object', '{ featureFlags(first: 10) { nodes { strategies { constraints { values } } } } }', 310],
    ['a size that is too large, as much as is ever given', '{ configs(first: 1000000) { nodes { key } } }', 100],
    ['aliases', '{ a: configs(first: 10) { nodes { key } } b: configs(first: 10) { nodes { key } } }', 20],
    ['what is merged, once', '{ configs(first: 10) { nodes { key } } configs(first: 10) { nodes { version } } }', 10],
    [
      'fragments',
      '{ ...A ... on Query { configs(first: 3) { ...B } } } fragment A on Query { changes(first: 4) { nodes { id } } } fragment B on ConfigEntryConnection { nodes { key } }',
      7,
    ],
    [
      'what is skipped',
      '{ configs(first: 100) @skip(if: true) { nodes { key } } ... @include(if: false) { changes { nodes { id } } } }',
      0,
    ],
    ['introspection', '{ __schema { types { fields { args { name } } } } __typename }', 0],
    ['a mutation', 'mutation { setConfig(input: { key: "a", value: 1 }) { configEntry { key } userErrors { code } } }', 7],
    ['a subscription, by the event', 'subscription { changes { id actor { id } } }', 2],
    ['flags by their keys', '{ evaluateFlags(keys: ["a", "b", "c", "d", "e", "f", "g"]) { isEnabled } }', 7],
    ['the flags of a group', '{ evaluateFlags(group: "a") { isEnabled } }', 3],
    ['all flags', '{ evaluateFlags { isEnabled } }', 5],
  ])('counts %s', (_, query, expected) => {
    expect(weightOf(query)).toBe(expected)
  })

  it('follows variables, their defaults and null, each time anew', () => {
    const query = 'query ($n: Int = 7) { configs(first: $n) { nodes { key } } }'
    expect([weightOf(query), weightOf(query, { n: 50 }), weightOf(query, { n: null }), weightOf(query, { n: 3 })]).toEqual([7, 50, 20, 3])
    const part = 'query ($on: Boolean!) { configs(first: 9) @include(if: $on) { nodes { key } } }'
    expect([weightOf(part, { on: true }), weightOf(part, { on: false }), weightOf(part, { on: true })]).toEqual([9, 0, 9])
    const keys =
      'query ($keys: [String!], $key: String!) { a: evaluateFlags(keys: $keys) { key } b: evaluateFlags(keys: [$key, "x"]) { key } }'
    expect(weightOf(keys, { keys: ['a', 'b', 'c'], key: 'd' })).toBe(5)
  })

  it('is remembered with the document only where nothing else decides', () => {
    const document = parse('query ($n: Int) { configs(first: $n) { nodes { key } } }')
    const [operation] = document.definitions
    if (operation?.kind !== 'OperationDefinition') throw new TypeError('no operation')
    const weigh10 = [10, 90].map((n) => weigh({ document, operation, variables: { n }, snapshot }).objects)
    expect(weigh10).toEqual([10, 90])
  })

  it('names the list that most of it comes from', () => {
    const query = `{ ${Array.from({ length: 20 }, (_, n) => `a${n}: configs(first: 100) { nodes { value history(first: 100) { nodes { before after } } } }`).join(' ')} }`
    expect(whole(query)).toEqual({ objects: 202_000, heaviest: { path: 'a0.nodes.history', objects: 10_000 } })
  })
})
