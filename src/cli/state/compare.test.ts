import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toYaml } from '../output/yaml.js'
import { type ActualState, findBraked, findUnwanted, findWork, readActual } from './compare.js'
import type { StateObject, Value } from './kinds.js'
import { toDocument } from './print.js'
import { StateSource } from './source.js'
import { type DesiredState, readState } from './state.js'

function desired(text: string): DesiredState {
  const { state, faults } = readState([new StateSource('a.yaml', `apiVersion: valhalla/v1\n${text}`)])
  expect(faults).toEqual([])
  return state
}

const actual = (document: unknown): ActualState => readActual(document as Value)
const work = (text: string, document: unknown) =>
  findWork(desired(text), actual(document)).map(({ key, isNew, fields }) => ({ key, isNew, fields }))

const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => value !== null) as fc.Arbitrary<Value>
const key = fc.stringMatching(/^[a-z0-9][a-z0-9._/-]{0,12}$/)
const strategy = fc.record({
  rolloutPercent: fc.integer({ min: 0, max: 100 }),
  stickiness: fc.constantFrom('default', 'random', 'userId'),
  groupId: fc.option(fc.string({ maxLength: 5 })),
  constraints: fc.array(
    fc.record({
      contextField: fc.constant('userId'),
      operator: fc.constantFrom('IN', 'NOT_IN'),
      values: fc.array(fc.string()),
      isInverted: fc.boolean(),
      isCaseInsensitive: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
})
const description = fc.option(fc.string())
const flag = fc.record({
  isEnabled: fc.boolean(),
  group: fc.constantFrom('default', 'shop'),
  description,
  strategies: fc.array(strategy, { maxLength: 2 }),
  variants: fc.constant([]),
})
const config = fc.record({ value: json, description, isMutable: fc.boolean(), valueSchema: fc.constant(null) })
const state = fc.record({ flags: fc.dictionary(key, flag), configs: fc.dictionary(key, config) })

describe('an exported state', () => {
  it('leads to no change when it is planned, and to the same text when it is exported again', () => {
    fc.assert(
      fc.property(state, (document) => {
        const server = actual(document)
        const text = toYaml(toDocument(server))
        const { state: read, faults } = readState([new StateSource('exported.yaml', text)])
        expect(faults).toEqual([])
        expect(findWork(read, server)).toEqual([])
        const again = Object.fromEntries(
          Object.entries(read.objects).map(([kind, objects]) => [
            kind,
            new Map([...objects].reverse().map(([name, { object }]) => [name, object])),
          ]),
        )
        expect(toYaml(toDocument(again as Partial<ActualState>))).toBe(text)
      }),
      { numRuns: 150 },
    )
  })
})

describe('a plan', () => {
  const flags = { a: { isEnabled: true, group: 'default', description: null, strategies: [], variants: [] } as StateObject }

  it('says the whole object: what a file leaves out has its default', () => {
    expect(work('flags: { a: { description: x } }', { flags: { a: { ...flags.a, isEnabled: false } } })).toEqual([
      { key: 'a', isNew: false, fields: { ...flags.a, description: 'x' } },
    ])
  })

  it('leaves to operators what it is told to, but sets it when the object is made', () => {
    const text = 'leave: { flags: [isEnabled] }\nflags: { a: { isEnabled: true }, b: { isEnabled: false } }'
    expect(work(text, { flags: { a: { ...flags.a, isEnabled: false } } })).toEqual([
      { key: 'b', isNew: true, fields: { ...flags.a, isEnabled: false } },
    ])
  })

  it('does not count the order of members', () => {
    expect(work('configs: { a: { value: { x: 1, y: 2 } } }', { configs: { a: { value: { y: 2, x: 1 } } } })).toEqual([])
  })

  it('prunes below owned prefixes alone', () => {
    const found = findUnwanted(
      desired('owns: { flags: [shop.] }\nflags: { shop.a: {} }'),
      actual({ flags: { 'shop.a': {}, 'shop.b': {}, other: {} }, configs: { 'shop.c': { value: 1 } } }),
    )
    expect(found.map((each) => each.key)).toEqual(['shop.b'])
  })

  it.each([
    [10, 20, []],
    [11, 20, [{ kind: 'flags', count: 11, of: 20 }]],
    [11, 37, []],
    [11, 36, [{ kind: 'flags', count: 11, of: 36 }]],
  ])('brakes before more than 10 objects and 30 percent of a kind are pruned: %i of %i', (count, of, braked) => {
    const names = (amount: number, prefix: string): [string, object][] =>
      Array.from({ length: amount }, (_, index) => [`${prefix}${index}`, {}])
    const server = actual({ flags: Object.fromEntries([...names(count, 'own.'), ...names(of - count, 'x.')]) })
    expect(findBraked(findUnwanted(desired('owns: { flags: [own.] }'), server), server)).toEqual(braked)
  })
})
