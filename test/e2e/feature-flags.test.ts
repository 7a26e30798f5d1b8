import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

async function data<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
  const answer = await server.gql(query, variables)
  expect(answer.errors).toBe(undefined)
  return answer.data as unknown as T
}

const make = (key: string) => data('mutation ($key: String!) { setFeatureFlag(input: { key: $key }) { revision } }', { key })
const evaluate = (key: string) => data('query ($key: String!) { isFeatureEnabled(key: $key) }', { key })
const remove = (key: string) => data('mutation ($key: String!) { deleteFeatureFlag(input: { key: $key }) { revision } }', { key })

async function lastEvaluatedAt(key: string): Promise<{ createdAt: string; lastEvaluatedAt: string | null }> {
  const query = 'query ($key: String!) { featureFlag(key: $key) { createdAt lastEvaluatedAt } }'
  return (await data<{ featureFlag: { createdAt: string; lastEvaluatedAt: string | null } }>(query, { key })).featureFlag
}

async function unusedSince(since: Date): Promise<string[]> {
  const query =
    'query ($since: DateTimeISO!) { featureFlags(filter: { group: "default", unusedSince: $since }) { totalCount nodes { key } } }'
  const { featureFlags } = await data<{ featureFlags: { totalCount: number; nodes: { key: string }[] } }>(query, { since })
  expect(featureFlags.totalCount).toBe(featureFlags.nodes.length)
  return featureFlags.nodes.map(({ key }) => key)
}

describe('the last evaluation of a flag', () => {
  it('is null before anybody asks, then the time at which somebody did', async () => {
    await make('asked')
    await make('ignored')
    expect((await lastEvaluatedAt('asked')).lastEvaluatedAt).toBe(null)
    const before = Date.now()
    await evaluate('asked')
    const after = Date.now()
    const at = Date.parse((await lastEvaluatedAt('asked')).lastEvaluatedAt ?? '')
    expect(at >= before && at <= after).toBe(true)
    expect((await lastEvaluatedAt('ignored')).lastEvaluatedAt).toBe(null)
  })

  it('finds what nobody has asked for since a time, or ever', async () => {
    const begin = new Date()
    await wait(5)
    await evaluate('asked')
    expect(await unusedSince(begin)).toEqual(['ignored'])
    await wait(5)
    expect(await unusedSince(new Date())).toEqual(['asked', 'ignored'])
  })

  it('is not that of a flag of the same key that was deleted', async () => {
    const begin = new Date()
    await make('again')
    await evaluate('again')
    expect(await unusedSince(begin)).not.toContain('again')
    await remove('again')
    await wait(5)
    await make('again')
    expect((await lastEvaluatedAt('again')).lastEvaluatedAt).toBe(null)
    expect(await unusedSince(begin)).toContain('again')
    await evaluate('again')
    const again = await lastEvaluatedAt('again')
    expect(Date.parse(again.lastEvaluatedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(again.createdAt))
    expect(await unusedSince(begin)).not.toContain('again')
  })
})

describe('a context', () => {
  const FIELDS = {
    isFeatureEnabled: 'query ($c: EvaluationContextInput) { answer: isFeatureEnabled(key: "long", context: $c) }',
    evaluateFlag: 'query ($c: EvaluationContextInput) { answer: evaluateFlag(key: "long", context: $c) { isEnabled } }',
    evaluateFlags: 'query ($c: EvaluationContextInput) { answer: evaluateFlags(keys: [], context: $c) { isEnabled } }',
  }

  it.each(Object.entries(FIELDS))('must have an object as its properties: %s', async (_, query) => {
    await data(
      'mutation { setFeatureFlag(input: { key: "long", strategies: [{ constraints: [{ contextField: "length", operator: NUM_EQ, values: ["3"] }] }] }) { userErrors { code } } }',
    )
    for (const properties of ['abc', [1, 2, 3], 3, true]) {
      const { status, errors } = await server.gql(query, { c: { properties } })
      expect([status, errors?.map(({ message, extensions }) => [extensions?.['code'], message])]).toEqual([
        400,
        [
          [
            'BAD_USER_INPUT',
            'The `properties` of the context must be an object of texts, numbers and booleans, such as { "plan": "pro" }. Leave them out where there are none.',
          ],
        ],
      ])
    }
    for (const c of [null, {}, { properties: null }, { properties: { length: 3 } }]) {
      expect((await server.gql(query, { c })).errors).toBe(undefined)
    }
  })

  it('matches by a property of its own', async () => {
    expect(await data(FIELDS.isFeatureEnabled, { c: { properties: { length: 3 } } })).toEqual({ answer: true })
    expect(await data(FIELDS.isFeatureEnabled, { c: { properties: {} } })).toEqual({ answer: false })
  })
})
