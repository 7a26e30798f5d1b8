import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FeatureFlagRecord, featureFlagCollection } from '../../../packs/feature-flags/feature-flag.collection.js'
import { Draft } from '../../state/draft.js'
import { Snapshot } from '../../state/snapshot.js'
import { type OrderedQuery, orderOf, pageInOrder } from './ordered-page.js'

const FIRST_MS = Date.UTC(2026, 0, 1)
const flag = (key: string, group = 'default', minute = 0): FeatureFlagRecord => ({
  ...{ key, id: key, group, description: null, isEnabled: true, strategies: [], variants: [], version: 1 },
  ...{ createdAt: new Date(FIRST_MS), updatedAt: new Date(FIRST_MS + minute * 60_000) },
})
const empty = Snapshot.empty([featureFlagCollection], { revision: 0, digest: '' })

/** A state with these flags put in, and those of these keys gone. */
function edited(snapshot: Snapshot, flags: readonly FeatureFlagRecord[], gone: readonly string[] = []): Snapshot {
  const draft = new Draft(snapshot)
  for (const key of gone) draft.delete(featureFlagCollection, key)
  for (const each of flags) draft.put(featureFlagCollection, each)
  return draft.toSnapshot({ revision: snapshot.revision + 1, digest: '' })
}

type Query = Omit<OrderedQuery<FeatureFlagRecord>, 'order' | 'args'> & { readonly listing?: string | undefined }
const pageOf = async (snapshot: Snapshot, { listing, ...query }: Query, args: { first: number; after?: string | null }) =>
  pageInOrder(snapshot, featureFlagCollection, {
    ...query,
    args,
    order: listing === undefined ? undefined : orderOf(snapshot, featureFlagCollection, listing),
  })

/** The whole list page by page; between the pages the state moves on. */
async function readAll(snapshot: Snapshot, query: Query, first: number, moves: readonly ((state: Snapshot) => Snapshot)[] = []) {
  const keys: string[] = []
  let state = snapshot
  for (let page = 0, after: string | null = null; ; page += 1) {
    const { nodes, pageInfo } = await pageOf(state, query, { first, after })
    keys.push(...nodes.map(({ key }) => key))
    if (!pageInfo.hasNextPage) return keys
    expect(nodes).toHaveLength(first)
    after = pageInfo.endCursor
    state = moves[page]?.(state) ?? state
  }
}

const anyKey = fc.stringMatching(/^[ab][./-]?[ab]?$/)
const anyFlag = fc.tuple(anyKey, fc.constantFrom('a', 'ab', 'b'), fc.nat(5)).map((parts) => flag(...parts))
const anyFlags = fc.uniqueArray(anyFlag, { selector: ({ key }) => key, maxLength: 14 })
const listing = fc.constantFrom(undefined, 'group', 'updatedAt')

describe('a list in some order', () => {
  const compare: Record<string, (a: FeatureFlagRecord, b: FeatureFlagRecord) => number> = {
    group: (a, b) => Number(a.group > b.group) - Number(a.group < b.group),
    updatedAt: (a, b) => b.updatedAt.getTime() - a.updatedAt.getTime(),
  }
  const byKey = (a: FeatureFlagRecord, b: FeatureFlagRecord): number => (a.key < b.key ? -1 : 1)

  it('has everything that is meant once, sorted, whatever the pages and the filter are', async () => {
    await fc.assert(
      fc.asyncProperty(
        ...([anyFlags, listing, fc.integer({ min: 1, max: 5 })] as const),
        fc.record({
          keys: fc.option(fc.array(anyKey, { maxLength: 8 }), { nil: undefined }),
          prefix: fc.option(fc.constantFrom('', 'a', 'a.', 'ab', 'b/'), { nil: undefined }),
          group: fc.option(fc.constantFrom('a', 'ab', 'none'), { nil: undefined }),
        }),
        async (flags, order, first, { keys, prefix, group }) => {
          const snapshot = edited(empty, flags)
          const within = group === undefined ? undefined : { listing: 'group', value: group }
          const query = { listing: order, keys, prefix, within, matches: (each: FeatureFlagRecord) => each.key !== 'bb' }
          const meant = flags.filter(
            (each) =>
              each.key !== 'bb' &&
              (!keys || keys.includes(each.key)) &&
              each.key.startsWith(prefix ?? '') &&
              (group === undefined || each.group === group),
          )
          const wanted = meant.toSorted((a, b) => compare[order ?? '']?.(a, b) || byKey(a, b)).map(({ key }) => key)
          expect(await readAll(snapshot, query, first)).toEqual(wanted)
          const { totalCount, pageInfo } = await pageOf(snapshot, query, { first })
          expect([await totalCount(), pageInfo.hasPreviousPage]).toEqual([wanted.length, false])
        },
      ),
      { numRuns: 300 },
    )
  })

  it('has what nobody touches once, and nothing twice that stays where it is, while others change, come and go between the pages', async () => {
    const anyMove = fc.record({ put: fc.array(anyFlag, { maxLength: 3 }), gone: fc.array(anyKey, { maxLength: 2 }) })
    await fc.assert(
      fc.asyncProperty(anyFlags, listing, fc.integer({ min: 1, max: 4 }), fc.array(anyMove, { maxLength: 6 }), async (...given) => {
        const [flags, order, first, moves] = given
        const touched = new Set(moves.flatMap(({ put, gone }) => [...put.map(({ key }) => key), ...gone]))
        const seen = await readAll(
          edited(empty, flags),
          { listing: order },
          first,
          moves.map(
            ({ put, gone }) =>
              (state) =>
                edited(state, put, gone),
          ),
        )
        const untouched = flags.map(({ key }) => key).filter((key) => !touched.has(key))
        expect(seen.filter((key) => !touched.has(key)).sort()).toEqual(untouched.sort())
        // A key is its own place.
        if (order === undefined) expect(new Set(seen).size).toBe(seen.length)
      }),
      { numRuns: 300 },
    )
  })

  it('refuses the cursor of another order, and more than 1,000 keys', async () => {
    const snapshot = edited(empty, [flag('a'), flag('b')])
    const { pageInfo } = await pageOf(snapshot, { listing: 'group' }, { first: 1 })
    for (const other of [undefined, 'updatedAt'])
      await expect(pageOf(snapshot, { listing: other }, { first: 1, after: pageInfo.endCursor })).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
      })
    const keys = Array.from({ length: 1_001 }, () => 'a')
    await expect(pageOf(snapshot, { keys }, { first: 1 })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: "The filter's `keys` may name 1000 at most, names 1001.",
    })
    expect((await pageOf(snapshot, { keys: keys.slice(1) }, { first: 5 })).nodes.map(({ key }) => key)).toEqual(['a'])
  })

  it('tells the values of a listing once each, also where one begins with another', () => {
    const snapshot = edited(
      empty,
      ['a', 'ab', 'a', 'a b', 'a\u0001', 'b'].map((group, index) => flag(`k${index}`, group)),
    )
    expect([...snapshot.view(featureFlagCollection).valuesOf('group')]).toEqual(['a', 'a\u0001', 'a b', 'ab', 'b'])
    expect([...empty.view(featureFlagCollection).valuesOf('group')]).toEqual([])
  })
})
