import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KINDS } from '../../src/packs/operation-index/search/search.js'
import { operate } from '../testkit/admin-operations.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
  await server.addClient({ name: 'web-shop', description: 'Checkout pages', role: 'EVALUATOR' })
  const { userErrors } = await operate(server, {
    steps: [
      { setFeatureFlag: { key: 'checkout' } },
      { setFeatureFlag: { key: 'checkout.new', description: 'The new page' } },
      { setFeatureFlag: { key: 'old-checkout' } },
      { setFeatureFlag: { key: 'other', description: 'Not the checkout' } },
      { setConfig: { key: 'checkout/limits', value: { max: 10 } } },
      { setRateLimitRule: { scope: 'IP', maxRequests: 1_000_000, description: 'keeps the checkout alive' } },
      { setSmokeCheck: { name: 'checkout-page', kind: 'HTTP', path: '/livez', isBlocking: false } },
      {
        scheduleMaintenanceWindow: {
          startsAt: '2098-01-01T00:00:00Z',
          endsAt: '2098-01-01T01:00:00Z',
          mode: 'READ_ONLY',
          description: 'Checkout moves',
        },
      },
    ],
  })
  expect(userErrors).toEqual([])
})

afterAll(() => server.close())

async function hits(text: string, first?: number): Promise<readonly string[]> {
  const query = 'query ($text: String!, $first: Int) { search(text: $text, first: $first) { kind pack targetId title subtitle } }'
  const { data, errors } = await server.gql(query, { text, ...(first === undefined ? {} : { first }) })
  expect(errors).toBe(undefined)
  return (data as unknown as { search: { kind: string; title: string }[] }).search.map(({ kind, title }) => `${kind} ${title}`)
}

describe('a search', () => {
  it('looks at the records of every pack that says how to', () => {
    const declared = server.services.collections.flatMap(({ searched }) => searched?.kind ?? [])
    expect(declared.toSorted()).toEqual(KINDS.toSorted())
  })

  it('finds every kind of object, what is called so first, then what begins with the text, then what holds it', async () => {
    expect(await hits('Checkout', 20)).toEqual([
      'FLAG checkout',
      'FLAG checkout.new',
      'CONFIG checkout/limits',
      'MAINTENANCE_WINDOW Checkout moves',
      'SMOKE_CHECK checkout-page',
      'FLAG old-checkout',
      'FLAG other',
      'CLIENT web-shop',
      'RATE_LIMIT IP *',
    ])
    expect((await hits('checkout')).length).toBe(8)
    expect(await hits('checkout', 2)).toEqual(['FLAG checkout', 'FLAG checkout.new'])
    expect(await hits('checkout', 0)).toEqual([])
  })

  it('wants every word of the text, finds operations and ids, and nothing by no text', async () => {
    expect(await hits('page checkout')).toEqual(['FLAG checkout.new', 'CLIENT web-shop', 'SMOKE_CHECK checkout-page'])
    expect(await hits('setFeatureFlag')).toEqual(['OPERATION setFeatureFlag'])
    const { data } = await server.gql('{ featureFlag(key: "other") { id } }')
    expect(await hits((data as unknown as { featureFlag: { id: string } }).featureFlag.id)).toEqual(['FLAG other'])
    expect(await hits(' ')).toEqual([])
    expect(await hits('zebra crossing')).toEqual([])
  })

  it('never finds a secret of a client, and says what is wrong with its arguments', async () => {
    const { client } = await server.addClient({ name: 'hidden' })
    expect(await hits(client.keyDigest)).toEqual([])
    expect(await hits(client.keyId)).toEqual([])
    const fault = async (args: string) => (await server.gql(`{ search(${args}) { title } }`)).errors?.[0]?.message
    expect(await fault('text: "a", first: 101')).toBe('The argument `first` must be between 0 and 100, is 101.')
    expect(await fault(`text: "${'x'.repeat(201)}"`)).toBe('The argument `text` must have at most 200 characters, has 201.')
  })
})
