import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery, parse, validate } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FIRST_DOCUMENT } from '../../src/server/operation/engine.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer
let url: string

beforeAll(async () => {
  server = await startTestServer({ NODE_ENV: 'development' })
  url = `${server.url}/graphql`
})
afterAll(() => server.close())

const without = { key: null }

describe('in development, on a loopback address', () => {
  it('introspection needs no key', async () => {
    const { status, data } = await server.gql(getIntrospectionQuery(), {}, without)
    expect(status).toBe(200)
    const schema = buildClientSchema(data as unknown as IntrospectionQuery)
    expect(validate(schema, parse(FIRST_DOCUMENT))).toEqual([])
    expect(
      (await server.gql('{ ...A } fragment A on Query { __typename ... { __type(name: "Query") { name } } }', {}, without)).status,
    ).toBe(200)
  })

  it.each([
    ['a field', '{ systemSummary { totalPacks } }'],
    ['a field beside introspection', '{ __typename systemSummary { totalPacks } }'],
    ['a field behind an alias', '{ __typename: systemSummary { totalPacks } }'],
    ['a field in a fragment', '{ __typename ...A } fragment A on Query { systemSummary { totalPacks } }'],
    ['a field in a fragment in a fragment', '{ ...A } fragment A on Query { ... { ...B } } fragment B on Query { viewer { role } }'],
    ['a fragment that is missing', '{ __typename ...Missing }'],
    ['a mutation', 'mutation { __typename }'],
    ['a subscription', 'subscription { __typename }'],
    ['a syntax error', '{ __schema'],
    ['one of two operations', 'query A { __typename } query B { viewer { role } }'],
    ['nothing', ''],
  ])('everything else is refused as without this rule: %s', async (_, query) => {
    const answer = await server.gql(query, {}, without)
    expect([answer.status, answer.errors?.[0]?.extensions, answer.data]).toEqual([401, { code: 'UNAUTHENTICATED' }, undefined])
  })

  it('a key that is wrong is refused also for introspection', async () => {
    expect((await server.gql('{ __typename }', {}, { key: 'vk_test_nope' })).status).toBe(401)
  })

  it('a request that a proxy handed on, or that names another host, needs a key', async () => {
    const proxies = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP', 'CF-Connecting-IP', 'True-Client-IP']
    for (const name of [...proxies, 'Forwarded', 'Via']) {
      const answer = await server.gql('{ __typename }', {}, { key: null, headers: { [name]: '192.0.2.1' } })
      expect([name, answer.status]).toEqual([name, 401])
      expect([name, (await fetch(`${server.url}/metrics`, { headers: { [name]: '192.0.2.1' } })).status]).toEqual([name, 401])
    }
  })

  it('malformed and oversized bodies without a key are refused for the key', async () => {
    for (const body of ['{', '[]', 'x'.repeat(1_000_000)]) {
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      expect(response.status).toBe(401)
    }
  })

  it('the first page leads to Sandbox, which brings a document that runs', async () => {
    const root = await fetch(server.url, { redirect: 'manual' })
    expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql'])
    const page = await fetch(url, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
    const html = await page.text()
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(page.headers.get('content-security-policy')).toBe("frame-ancestors 'none'")
    expect(html).toContain('embeddable-sandbox')
    expect(html).toContain('"Authorization":"Bearer YOUR_API_KEY"')
    expect(html).not.toContain(server.adminKey)
    const { status, errors } = await server.gql(FIRST_DOCUMENT)
    expect([status, errors]).toEqual([200, undefined])
  })

  it('metrics need no key', async () => {
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200)
  })
})
