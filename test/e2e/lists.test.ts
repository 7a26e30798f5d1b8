import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { FlagUse } from '../../src/packs/feature-flags/lists/flag-use.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

/** A clock that is moved by hand; it goes on by itself, too, so that nothing that waits for it waits forever. */
let offsetMs = 0
const clock = { now: () => new Date(Date.UTC(2026, 5, 1, 12) + offsetMs), monotonicMs: () => performance.now() }
const forward = (minutes: number): void => {
  offsetMs += minutes * 60_000
}

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({}, {}, { clock })
})
afterAll(() => server.close())

const data = async <T>(query: string, variables: Record<string, unknown> = {}): Promise<T> => {
  const answer = await server.gql(query, variables)
  expect(answer.errors).toBe(undefined)
  return answer.data as unknown as T
}
const setFlag = (input: object) =>
  data('mutation ($i: SetFeatureFlagInput!) { setFeatureFlag(input: $i) { userErrors { message } } }', { i: input })
const setConfig = (key: string, value = 1) =>
  data('mutation ($i: SetConfigInput!) { setConfig(input: $i) { userErrors { message } } }', { i: { key, value } })
const deleteFlag = (key: string) => data('mutation ($k: String!) { deleteFeatureFlag(input: { key: $k }) { revision } }', { k: key })
const evaluate = (key: string) => data('query ($k: String!) { isFeatureEnabled(key: $k) }', { k: key })

interface Page {
  readonly nodes: readonly { readonly key: string; readonly lastEvaluatedAt?: string | null }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
  readonly totalCount: number
}
const FLAGS = `query ($filter: FeatureFlagFilter, $orderBy: FeatureFlagOrder, $first: Int, $after: String) {
  page: featureFlags(filter: $filter, orderBy: $orderBy, first: $first, after: $after) { nodes { key lastEvaluatedAt } pageInfo { hasNextPage endCursor } totalCount } }`
const flagPage = async (variables: object) => (await data<{ page: Page }>(FLAGS, { ...variables })).page
const flagKeys = async (variables: object) => (await flagPage({ first: 100, ...variables })).nodes.map(({ key }) => key)

describe('flags', () => {
  beforeAll(async () => {
    for (const [key, group] of [
      ['pay/a', 'pay'],
      ['pay/b', 'pay'],
      ['pay', 'core'],
      ['ui.x', 'ui'],
    ] as const) {
      await setFlag({ key, group, isEnabled: key !== 'pay/b' })
      forward(1)
    }
  })

  it('are found by keys and by the beginning of their keys, in each order', async () => {
    expect(await flagKeys({ filter: { keys: ['ui.x', 'nobody', 'pay', 'pay'] } })).toEqual(['pay', 'ui.x'])
    expect(await flagKeys({ filter: { keys: [] } })).toEqual([])
    expect(await flagKeys({ filter: { prefix: 'pay/' } })).toEqual(['pay/a', 'pay/b'])
    expect(await flagKeys({ filter: { prefix: 'pay', isEnabled: true } })).toEqual(['pay', 'pay/a'])
    expect(await flagKeys({ orderBy: 'GROUP' })).toEqual(['pay', 'pay/a', 'pay/b', 'ui.x'])
    expect(await flagKeys({ orderBy: 'UPDATED_AT_DESC' })).toEqual(['ui.x', 'pay', 'pay/b', 'pay/a'])
    expect(await flagKeys({ orderBy: 'UPDATED_AT_DESC', filter: { group: 'pay' } })).toEqual(['pay/b', 'pay/a'])
    expect(await flagKeys({ orderBy: null })).toEqual(['pay', 'pay/a', 'pay/b', 'ui.x'])
  })

  it('come in the order in which they were last asked for, those that never were first', async () => {
    for (const key of ['ui.x', 'pay/a', 'pay']) {
      forward(1)
      await evaluate(key)
    }
    expect(await flagKeys({ orderBy: 'LAST_EVALUATED_AT_ASC' })).toEqual(['pay/b', 'ui.x', 'pay/a', 'pay'])
    forward(1)
    await evaluate('ui.x')
    await server.services.usage.flush()
    expect(await flagKeys({ orderBy: 'LAST_EVALUATED_AT_ASC' })).toEqual(['pay/b', 'pay/a', 'pay', 'ui.x'])
    // One that was deleted and made again is another one.
    await deleteFlag('pay/a')
    expect(await flagKeys({ orderBy: 'LAST_EVALUATED_AT_ASC' })).toEqual(['pay/b', 'pay', 'ui.x'])
    forward(1)
    await setFlag({ key: 'pay/a', group: 'pay' })
    expect(await flagKeys({ orderBy: 'LAST_EVALUATED_AT_ASC' })).toEqual(['pay/a', 'pay/b', 'pay', 'ui.x'])
  })

  it('are counted by group', async () => {
    expect(await data('{ featureFlagGroups { name flags enabled unused } }')).toEqual({
      featureFlagGroups: [
        { name: 'core', flags: 1, enabled: 1, unused: 0 },
        { name: 'pay', flags: 2, enabled: 1, unused: 2 },
        { name: 'ui', flags: 1, enabled: 1, unused: 0 },
      ],
    })
    forward(31 * 24 * 60)
    await evaluate('ui.x')
    expect(await data('{ featureFlagGroups { name unused } }')).toEqual({
      featureFlagGroups: [
        { name: 'core', unused: 1 },
        { name: 'pay', unused: 2 },
        { name: 'ui', unused: 0 },
      ],
    })
  })

  it('come in that order again once it could not be told, those too that were asked for meanwhile', async () => {
    const { ledger, usage } = server.services
    const use = new FlagUse({ ledger, usage })
    const keysOf = async () => {
      const order = await use.order(ledger.snapshot)
      return Array.from({ [Symbol.iterator]: () => order.behind() }, ([, { key }]) => key)
    }
    const before = await keysOf()
    expect(before.length).toBeGreaterThan(2)
    const asked = String(before[0])
    forward(1)
    await evaluate(asked)
    vi.spyOn(usage, 'lastAt').mockImplementationOnce(() => {
      throw new Error('out of memory')
    })
    await expect(keysOf()).rejects.toThrow('out of memory')
    vi.restoreAllMocks()
    expect(await keysOf()).toEqual([...before.slice(1), asked])
  })

  it('in every order come whole and without a repeat in pages, while some are asked for, changed, made and deleted', async () => {
    for (let n = 0; n < 12; n += 1) await setFlag({ key: `many/${n}`, group: `g${n % 3}` })
    const orderBy = fc.constantFrom('KEY', 'GROUP', 'UPDATED_AT_DESC', 'LAST_EVALUATED_AT_ASC')
    const move = fc.record({ kind: fc.constantFrom('evaluate', 'change', 'delete', 'make'), who: fc.nat(5) })
    await fc.assert(
      fc.asyncProperty(orderBy, fc.integer({ min: 1, max: 6 }), fc.array(move, { maxLength: 4 }), async (order, first, moves) => {
        const waiting = [...moves]
        const seen: string[] = []
        for (let after: string | null = null, isMore = true; isMore; ) {
          const { nodes, pageInfo } = await flagPage({ orderBy: order, first, after, filter: { prefix: 'many/' } })
          seen.push(...nodes.map(({ key }) => key))
          after = pageInfo.endCursor
          isMore = pageInfo.hasNextPage
          const next = waiting.shift()
          if (!next) continue
          forward(1)
          const key = `many/${next.who}`
          if (next.kind === 'evaluate') await evaluate(key)
          else if (next.kind === 'delete') await deleteFlag(key)
          else await setFlag({ key, description: `at ${offsetMs}`, ...(next.kind === 'make' && { group: 'g9' }) })
        }
        // Nobody touches these.
        const rest = Array.from({ length: 6 }, (_, n) => `many/${n + 6}`)
        expect(seen.filter((key) => rest.includes(key)).sort()).toEqual(rest.sort())
        if (order === 'KEY') expect(new Set(seen).size).toBe(seen.length)
      }),
      { numRuns: 25 },
    )
  })
})

describe('config entries', () => {
  beforeAll(async () => {
    for (const key of ['app', 'app/a', 'app/a/x', 'app/b', 'app-x', 'app0', 'zz']) {
      await setConfig(key)
      forward(1)
    }
  })
  const keys = async (argument: string) => {
    const { configs } = await data<{ configs: Page }>(
      `{ configs${argument} { nodes { key } pageInfo { hasNextPage endCursor } totalCount } }`,
    )
    expect(configs.totalCount).toBe(configs.nodes.length)
    return configs.nodes.map(({ key }) => key)
  }

  it('are found by keys and by the beginning of their keys, in each order', async () => {
    expect(await keys('(filter: { keys: ["zz", "app", "none"] })')).toEqual(['app', 'zz'])
    expect(await keys('(filter: { prefix: "app/" })')).toEqual(['app/a', 'app/a/x', 'app/b'])
    expect(await keys('(filter: { prefix: "app/", search: "X" }, orderBy: KEY)')).toEqual(['app/a/x'])
    await setConfig('app/a', 2)
    expect(await keys('(orderBy: UPDATED_AT_DESC)')).toEqual(['app/a', 'zz', 'app0', 'app-x', 'app/b', 'app/a/x', 'app'])
    expect(await keys('(orderBy: UPDATED_AT_DESC, filter: { prefix: "app/" })')).toEqual(['app/a', 'app/b', 'app/a/x'])
  })

  it.each([
    [
      '',
      [
        ['app', 1, false],
        ['app-x', 1, false],
        ['app', 3, true],
        ['app0', 1, false],
        ['zz', 1, false],
      ],
    ],
    [
      'app/',
      [
        ['a', 1, false],
        ['a', 1, true],
        ['b', 1, false],
      ],
    ],
    ['app/a/', [['x', 1, false]]],
    [
      'app',
      [
        ['', 1, false],
        ['-x', 1, false],
        ['', 3, true],
        ['0', 1, false],
      ],
    ],
    ['none/', []],
  ])('make a tree: below "%s"', async (prefix, rows) => {
    const { configPrefixes } = await data<{ configPrefixes: object[] }>(
      'query ($p: String) { configPrefixes(prefix: $p) { name entries isFolder } }',
      { p: prefix },
    )
    expect(configPrefixes).toEqual(rows.map(([name, entries, isFolder]) => ({ name, entries, isFolder })))
  })
})

describe('bad input', () => {
  it.each([
    ['too many keys', { filter: { keys: Array.from({ length: 1_001 }, (_, n) => `k${n}`) } }],
    ['the cursor of another order', { orderBy: 'GROUP', after: Buffer.from('FeatureFlag:pay').toString('base64url') }],
    ['an order that there is not', { orderBy: 'SIZE' }],
  ])('is refused: %s', async (_, variables) => {
    const { errors } = await server.gql(FLAGS, variables)
    expect(errors?.map(({ extensions }) => extensions?.['code'])).toEqual(['BAD_USER_INPUT'])
  })
})
