import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Page, pageOfView } from '../../src/core/graphql/connection.js'
import { Draft } from '../../src/core/state/draft.js'
import { Snapshot } from '../../src/core/state/snapshot.js'
import { EvaluationResolver } from '../../src/packs/feature-flags/evaluation/evaluation.resolver.js'
import { type FeatureFlagRecord, featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { coreOf } from '../testkit/guarded-schema.js'
import { TESTER } from '../testkit/ledger.js'

const AT = new Date('2026-01-01T00:00:00.000Z')
const FLAGS = 4_500
const EMPTY = Snapshot.empty([featureFlagCollection], { revision: 0, digest: '' })

function flagOf(key: string, group: string, isEnabled = true): FeatureFlagRecord {
  return { key, id: key, group, description: null, isEnabled, strategies: [], variants: [], version: 1, createdAt: AT, updatedAt: AT }
}

function stateOf(flags: readonly FeatureFlagRecord[], base = EMPTY): Snapshot {
  const draft = new Draft(base)
  for (const flag of flags) draft.put(featureFlagCollection, flag)
  return draft.toSnapshot({ revision: base.revision + 1, digest: '' })
}

const many = stateOf(
  Array.from({ length: FLAGS }, (_, n) => flagOf(`flag-${String(n).padStart(5, '0')}`, n % 5 === 0 ? 'rare' : 'common', n % 2 === 0)),
)
const keysOf = (page: Page<FeatureFlagRecord>) => page.nodes.map(({ key }) => key)

describe('a page of many records', () => {
  it('of which few are meant lets other work in between, and stays on its snapshot', async () => {
    const matches = ({ key }: FeatureFlagRecord) => key.endsWith('999')
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const page = await pageOfView(many, featureFlagCollection, { args: { first: 10 }, matches })
    isOver = true
    expect(keysOf(page)).toEqual(['flag-00999', 'flag-01999', 'flag-02999', 'flag-03999'])
    expect(turns).toBeGreaterThan(3)
    expect(await page.totalCount()).toBe(4)
  })

  it('of a listing holds what is listed, page by page, and is there at once', () => {
    const within = { listing: 'group', value: 'rare' }
    const first = pageOfView(many, featureFlagCollection, { args: { first: 3 }, within })
    if (first instanceof Promise) throw new TypeError('a promise')
    expect(keysOf(first)).toEqual(['flag-00000', 'flag-00005', 'flag-00010'])
    expect(first.totalCount()).toBe(FLAGS / 5)
    const after = first.pageInfo.endCursor
    const next = pageOfView(many, featureFlagCollection, { args: { first: 2, after }, within, matches: ({ isEnabled }) => isEnabled })
    if (next instanceof Promise) throw new TypeError('a promise')
    expect(keysOf(next)).toEqual(['flag-00020', 'flag-00030'])
  })
})

describe('many evaluations', () => {
  it('come in order, those of a later turn as promises', async () => {
    const core = coreOf({ clock: { now: () => AT, monotonicMs: () => 0 }, usage: { touch: () => undefined } as never })
    const evaluations = new EvaluationResolver().evaluateFlags({ snapshot: many, core, caller: TESTER }, null, 'rare')
    expect(evaluations[0]).not.toBeInstanceOf(Promise)
    expect(evaluations.at(-1)).toBeInstanceOf(Promise)
    const all = await Promise.all(evaluations)
    expect(all.map(({ key }) => key)).toEqual(Array.from({ length: FLAGS / 5 }, (_, n) => `flag-${String(n * 5).padStart(5, '0')}`))
    expect(all.map(({ isEnabled }) => isEnabled)).toEqual(all.map((_, n) => n % 2 === 0))
  })
})

describe('a listing', () => {
  it('has exactly what is in the collection under a value, whatever was edited', () => {
    const edit = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), group: fc.constantFrom('x', 'y', 'xy'), isGone: fc.boolean() })
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 30 }), (edits) => {
        let state = EMPTY
        for (const { key, group, isGone } of edits) {
          const draft = new Draft(state)
          if (isGone) draft.delete(featureFlagCollection, key)
          else draft.put(featureFlagCollection, flagOf(key, group))
          const before = [...state.view(featureFlagCollection).listed('group', group)]
          state = draft.toSnapshot({ revision: state.revision + 1, digest: '' })
          for (const value of ['x', 'y', 'xy']) {
            const listed = [...state.view(featureFlagCollection).listed('group', value)]
            expect(listed).toEqual([...state.view(featureFlagCollection).values()].filter((flag) => flag.group === value))
            expect(state.view(featureFlagCollection).countListed('group', value)).toBe(listed.length)
          }
          expect(before.every((flag) => flag.group === group)).toBe(true)
        }
      }),
    )
  })
})
