import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/platform/ids.js'
import { processorMsOf } from '../testkit/processor-time.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

interface Sent {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: {
    readonly errors?: { readonly message: string; readonly extensions: { readonly code: string } }[]
    readonly data?: unknown
  }
}

async function send(url: string, init: RequestInit = {}): Promise<Sent> {
  const response = await fetch(url, { redirect: 'manual', ...init })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  return { status: response.status, headers: response.headers, text, body: isJson && text !== '' ? JSON.parse(text) : {} }
}

const post = (body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body,
})

const codeOf = ({ body }: Sent): string | undefined => body.errors?.[0]?.extensions.code

/** What a raw connection answers to raw bytes, until it is closed; `isCut`: until the server has read something. */
async function raw(port: number, text: string, isCut = false): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => {
    answer += String(data)
  })
  socket.on('error', () => undefined)
  socket.write(text)
  await once(socket, isCut ? 'data' : 'close')
  socket.destroy()
  return answer
}

let server: TestServer
let url: string
let auth: Record<string, string>

beforeAll(async () => {
  server = await startTestServer({ VALHALLA_CORS_ORIGINS: 'https://app.example.com' })
  url = `${server.url}/graphql`
  auth = { authorization: `Bearer ${server.adminKey}` }
})
afterAll(() => server.close())

describe('a request id', () => {
  it('is taken over where it is fit to be logged, and made where it is not', async () => {
    const given = await send(url, post('{"query":"{ __typename }"}', { ...auth, 'x-request-id': 'trace.1_a-B' }))
    expect(given.headers.get('x-request-id')).toBe('trace.1_a-B')
    for (const bad of ['a b', 'x'.repeat(65), 'a"b', '']) {
      const made = await send(url, post('{"query":"{ __typename }"}', { ...auth, 'x-request-id': bad }))
      expect(made.headers.get('x-request-id')).toMatch(REQUEST_ID)
    }
  })

  it('stands on every answer, also on refusals', async () => {
    for (const path of ['/nope', '/livez', '/graphql', '/metrics'])
      expect((await send(`${server.url}${path}`)).headers.get('x-request-id')).toMatch(REQUEST_ID)
  })

  it('becomes the correlation id of the changes that the call makes', async () => {
    await server.gql(
      'mutation { setFeatureFlag(input: { key: "correlated" }) { revision } }',
      {},
      { headers: { 'x-request-id': 'order-66' } },
    )
    const { data } = await server.gql('{ changes(first: 1) { nodes { correlationId } } }')
    expect(data).toEqual({ changes: { nodes: [{ correlationId: 'order-66' }] } })
  })
})

describe('a key', () => {
  it('is taken as a bearer token or as X-API-Key', async () => {
    const viewer = { viewer: { role: 'ADMIN' } }
    expect((await send(url, post('{"query":"{ viewer { role } }"}', auth))).body.data).toEqual(viewer)
    expect((await send(url, post('{"query":"{ viewer { role } }"}', { 'x-api-key': server.adminKey }))).body.data).toEqual(viewer)
    expect((await send(url, post('{"query":"{ viewer { role } }"}', { ...auth, 'x-api-key': server.adminKey }))).body.data).toEqual(viewer)
  })

  it('is asked for before anything of the body is looked at', async () => {
    const bodies = ['{"query":"{ __typename }"}', '{"query":"{ __schema { queryType { name } } }"}', '{ not json', '[]', '{"query":"{"}']
    for (const body of bodies) {
      const answer = await send(url, post(body))
      expect(answer.status).toBe(401)
      expect(codeOf(answer)).toBe('UNAUTHENTICATED')
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="valhalla"')
    }
  })

  it('that is wrong is answered like one that is unknown, and is neither written back nor logged', async () => {
    const last = server.adminKey.endsWith('x') ? 'y' : 'x'
    const other = { 'x-api-key': `${server.adminKey.slice(0, -1)}${last}` }
    const basic = { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }
    const both = { ...auth, 'x-api-key': `vk_test_${'A'.repeat(12)}_${'b'.repeat(32)}_1Abc2` }
    for (const headers of [other, basic, both]) {
      const answer = await send(url, post('{"query":"{ __typename }"}', headers))
      expect(answer.status).toBe(401)
      expect(codeOf(answer)).toBe('UNAUTHENTICATED')
      for (const value of Object.values(headers)) {
        expect(answer.text).not.toContain(value)
        expect(JSON.stringify(server.logged)).not.toContain(value)
      }
    }
  })

  it('is refused where two different ones came under one name, also when the first of them works', async () => {
    const { key } = await server.addClient({ name: 'second' })
    const body = '{"query":"{ viewer { role } }"}'
    const ask = async (name: string, values: readonly string[]): Promise<string> => {
      const headers = values.map((value) => `${name}: ${value}\r\n`).join('')
      const rest = `content-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`
      return raw(Number(new URL(url).port), `POST /graphql HTTP/1.1\r\nhost: a\r\n${headers}${rest}`)
    }
    const twice: [string, string, string][] = [
      ['Authorization', `Bearer ${server.adminKey}`, `Bearer ${key}`],
      ['X-API-Key', server.adminKey, key],
    ]
    for (const [name, first, second] of twice) {
      const refused = await ask(name, [first, second])
      expect(refused).toMatch(/^HTTP\/1\.1 401 /)
      expect(refused).toContain(`Two different \`${name}\` headers were sent; send one.`)
      expect(await ask(name, [first, first])).toMatch(/^HTTP\/1\.1 200 /)
    }
  })

  it('without its scheme is refused with what is missing, and not written back', async () => {
    const answer = await send(url, post('{"query":"{ __typename }"}', { authorization: server.adminKey }))
    expect([answer.status, answer.body.errors?.[0]?.message]).toEqual([
      401,
      'The scheme is missing in front of the key. Send it as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.',
    ])
    expect(answer.text).not.toContain(server.adminKey)
  })

  it('is asked for before a large body has arrived, and the client sees the answer', async () => {
    const answer = await send(url, post('x'.repeat(5_000_000)))
    expect(answer.status).toBe(401)
  })

  it('that is deactivated is refused from then on', async () => {
    const { client, key } = await server.addClient({ name: 'short-lived' })
    expect((await server.gql('{ viewer { role } }', {}, { key })).data).toEqual({ viewer: { role: 'OBSERVER' } })
    await server.changeClient(client, { isActive: false })
    expect((await server.gql('{ viewer { role } }', {}, { key })).status).toBe(401)
  })
})

describe('a body', () => {
  it('that is too large is refused, whether it says so or not, and the client sees the answer', async () => {
    const large = JSON.stringify({ query: `{ __typename } #${'x'.repeat(3_000_000)}` })
    const declared = await send(url, post(large, auth))
    expect(declared.status).toBe(413)
    expect(codeOf(declared)).toBe('PAYLOAD_TOO_LARGE')
    expect(declared.body.errors?.[0]?.message).toContain('VALHALLA_MAX_BODY_BYTES')
    const stream = new Blob([large]).stream()
    const chunked = await fetch(url, { ...post(stream, auth), duplex: 'half' } as RequestInit)
    expect(chunked.status).toBe(413)
  })

  it.each([
    ['malformed JSON', '{ "query": '],
    ['nothing', ''],
    ['JSON that is no object', '"{ __typename }"'],
    ['null', 'null'],
    ['a batch', '[{"query":"{ __typename }"}]'],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['an object without a query', '{"notQuery":1}'],
  ])('of %s answers 400 and BAD_REQUEST', async (_, body) => {
    const answer = await send(url, post(body, auth))
    expect(answer.status).toBe(400)
    expect(codeOf(answer)).toBe('BAD_REQUEST')
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  it.each([
    ['text/plain', {}],
    ['application/x-www-form-urlencoded', {}],
    ['application/json; charset=latin1', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
  ])('announced as %s is refused with 415', async (type, headers) => {
    const answer = await send(url, post('{"query":"{ __typename }"}', { ...auth, ...headers, 'content-type': type }))
    expect(answer.status).toBe(415)
    expect(codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE')
  })

  it('that is cut off harms nobody', async () => {
    const head = `POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nauthorization: ${auth['authorization']}\r\n`
    const cut = `${head}content-length: 1000\r\nexpect: 100-continue\r\n\r\n{"query":`
    expect(await raw(server.port, cut, true)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    const lie = await raw(server.port, `${head}content-length: 5\r\nconnection: close\r\n\r\n{"query":"{ __typename }"}`)
    expect(lie).toContain('HTTP/1.1 400')
    expect((await server.gql('{ __typename }')).status).toBe(200)
    expect(server.logged.filter(({ level }) => level === 'error')).toEqual([])
  })
})

describe('GET', () => {
  const search = (query: string): string => `${url}?query=${encodeURIComponent(query)}`

  it('answers queries', async () => {
    expect((await send(search('{ viewer { role } }'), { headers: auth })).body.data).toEqual({ viewer: { role: 'ADMIN' } })
  })

  it('refuses mutations with 405 and changes nothing', async () => {
    const before = server.services.ledger.snapshot.revision
    const answer = await send(search('mutation { setFeatureFlag(input: { key: "by-get" }) { revision } }'), { headers: auth })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST')
    expect(server.services.ledger.snapshot.revision).toBe(before)
  })

  it('needs a key, also for a page, outside of development', async () => {
    expect((await send(search('{ __typename }'))).status).toBe(401)
    expect((await send(url, { headers: { accept: 'text/html' } })).status).toBe(401)
  })
})

describe('paths and methods', () => {
  it('answer 404 and 405 in JSON, with what is allowed', async () => {
    const missing = await send(`${server.url}/graphql/`)
    expect([missing.status, codeOf(missing)]).toEqual([404, 'NOT_FOUND'])
    const root = await send(server.url)
    expect([root.status, codeOf(root)]).toEqual([404, 'NOT_FOUND'])
    const method = await send(url, { method: 'DELETE' })
    expect([method.status, codeOf(method), method.headers.get('allow')]).toEqual([405, 'METHOD_NOT_ALLOWED', 'GET, POST, OPTIONS'])
    const probe = await send(`${server.url}/livez`, { method: 'POST' })
    expect([probe.status, probe.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('answer probes without a key', async () => {
    expect((await send(`${server.url}/livez`)).text).toBe('{"status":"alive"}\n')
    const ready = await send(`${server.url}/readyz`)
    const { revision } = server.services.ledger.snapshot
    expect([ready.status, ready.body]).toEqual([200, { status: 'ready', degraded: false, revision, revisionLag: 0, snapshotAgeMs: 0 }])
    const head = await send(`${server.url}/readyz`, { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
  })

  it('carry headers that keep answers out of caches and pages', async () => {
    const { headers } = await send(url, post('{"query":"{ __typename }"}', auth))
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  it('serve a request that asks for another protocol as if it had not asked', async () => {
    const body = '{"query":"{ viewer { role } }"}'
    const request = httpRequest(url, {
      method: 'POST',
      headers: {
        ...auth,
        'content-type': 'application/json',
        'content-length': body.length,
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      },
    })
    request.end(body)
    const [response] = await once(request, 'response')
    let text = ''
    for await (const chunk of response) text += String(chunk)
    expect([response.statusCode, text]).toEqual([200, '{"data":{"viewer":{"role":"ADMIN"}}}\n'])
  })
})

describe('pages of other origins', () => {
  it('are let in by their exact origin', async () => {
    const headers = {
      origin: 'https://app.example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-api-key',
    }
    const preflight = await send(url, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, POST, OPTIONS')
    for (const name of ['authorization', 'x-api-key', 'content-type', 'x-request-id', 'x-valhalla-user']) {
      expect(preflight.headers.get('access-control-allow-headers')?.split(', ')).toContain(name)
    }
    const answer = await send(url, post('{"query":"{ __typename }"}', { ...auth, origin: 'https://app.example.com' }))
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    expect(answer.headers.get('vary')).toBe('Origin')
  })

  it.each(['https://app.example.com.evil.org', 'http://app.example.com', 'https://APP.example.com', 'null'])(
    'are kept out from %s',
    async (origin) => {
      const preflight = await send(url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
      expect(preflight.headers.get('access-control-allow-origin')).toBe(null)
      expect(preflight.headers.get('access-control-allow-methods')).toBe(null)
      expect((await send(url, post('{"query":"{ __typename }"}', { ...auth, origin }))).headers.get('access-control-allow-origin')).toBe(
        null,
      )
    },
  )
})

describe('limits over HTTP', () => {
  it('answer 400 with a code that says which one', async () => {
    const aliases = Array.from({ length: 31 }, (_, index) => `a${index}: __typename`).join(' ')
    const answer = await server.gql(`{ viewer { ...A } } fragment A on Viewer { ${aliases} }`)
    expect(answer.status).toBe(400)
    expect(answer.errors?.[0]?.extensions).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED', limit: 'aliases', allowed: 30, actual: 31 })
    expect((await server.gql(`{ ${'viewer { role } '.repeat(500)} }`)).errors?.[0]?.extensions).toEqual({ code: 'GRAPHQL_PARSE_FAILED' })
  })

  it('let the standard introspection query through', async () => {
    const answer = await server.gql(getIntrospectionQuery({ specifiedByUrl: true, inputValueDeprecation: true, schemaDescription: true }))
    expect([answer.status, answer.errors]).toEqual([200, undefined])
  })

  /** The least processor time of three, in milliseconds; a comment makes each a document that was not seen before. */
  async function leastTimeOf(query: string): Promise<number> {
    const times: number[] = []
    for (let round = 0; round < 3; round += 1) times.push(await processorMsOf(() => server.gql(`${query} # ${newId()}`)))
    return Math.min(...times)
  }

  it.each([
    ['one level', `{ ${'viewer '.repeat(1_990)} }`],
    ['an unused fragment', `{ __typename } fragment F on Viewer { ${'permissions '.repeat(1_980)} }`],
    ['the most that is let through', `{ viewer { ${'permissions '.repeat(498)} } }`],
  ])('keep many fields on %s from holding up everybody else', async (_, query) => {
    const ordinary = await leastTimeOf('{ viewer { role } }')
    // Validation compares every field with every other one: without the limits this is 300 times as much, with them at most 20.
    expect(await leastTimeOf(query)).toBeLessThan(100 * ordinary)
  })
})

describe('errors over HTTP', () => {
  it('of a caller without the permission answer 403', async () => {
    const { key } = await server.addClient({ name: 'evaluator', role: 'EVALUATOR' })
    const answer = await server.gql('mutation { setFeatureFlag(input: { key: "no" }) { revision } }', {}, { key })
    expect([answer.status, answer.errors?.[0]?.extensions]).toEqual([403, { code: 'FORBIDDEN' }])
  })

  it('of an input stay in the payload, with 200', async () => {
    const answer = await server.gql('mutation { setFeatureFlag(input: { key: "Not A Key" }) { userErrors { code } } }')
    expect([answer.status, answer.data]).toEqual([200, { setFeatureFlag: { userErrors: [{ code: 'INVALID' }] } }])
  })

  it('tell a subscription that it needs a WebSocket', async () => {
    const answer = await server.gql('subscription { changes { id } }')
    expect([answer.status, answer.errors?.[0]?.extensions]).toEqual([400, { code: 'BAD_USER_INPUT' }])
  })
})
