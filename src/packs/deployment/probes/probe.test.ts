import type { RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Sink, startSink } from '../../../../test/testkit/sink.js'
import { systemClock } from '../../../core/platform/clock.js'
import { OutgoingClient } from '../outgoing/outgoing-client.js'
import { type ProbeSpec, probe } from './probe.js'
import type { Verdict } from './verdict.js'

const ERROR = (code: string): string => JSON.stringify({ errors: [{ message: 'secret text', extensions: { code } }], data: null })

const ANSWERS: Readonly<Record<string, { status?: number; body?: string; headers?: Record<string, string> }>> = {
  '/json': { body: '{"status":"alive","flags":[1,2],"secret":"not to be shown"}' },
  '/text': { body: 'no JSON, a secret text' },
  '/long': { body: JSON.stringify({ text: 'x'.repeat(70_000) }) },
  '/empty': { status: 204 },
  '/moved': { status: 301, headers: { location: '/json' } },
  '/errors': { body: ERROR('FORBIDDEN') },
  '/foreign-errors': { body: ERROR('SECRET_CODE') },
  '/unavailable': { status: 503, body: ERROR('UNAVAILABLE') },
  '/maintenance': { status: 503, body: ERROR('MAINTENANCE') },
  '/limited': { status: 429, body: ERROR('RATE_LIMITED') },
  '/denied': { status: 401, body: ERROR('UNAUTHENTICATED') },
}

let sink: Sink
let client: OutgoingClient
beforeAll(async () => {
  const answer: RequestListener = (request, response) => {
    const { status = 200, body, headers = {} } = ANSWERS[request.url ?? ''] ?? { status: 404 }
    const send = (): void => void response.writeHead(status, headers).end(body)
    if (request.url === '/slow') setTimeout(() => response.end('{}'), 60)
    else if (request.url === '/cut') response.destroy()
    else if (request.url !== '/silent') send()
  }
  sink = await startSink(answer)
  const destination = { origin: sink.origin, prefix: '', isOwn: true, literal: '127.0.0.1' }
  client = new OutgoingClient({ destination, clock: systemClock })
})
afterAll(async () => {
  await client.close()
  await sink.close()
})

function ask(spec: Partial<ProbeSpec>, limitMs = 60_000, by = client): Promise<Verdict> {
  const whole: ProbeSpec = { kind: 'HTTP', path: '/json', query: null, expectStatus: 200, expectBody: null, maxLatencyMs: null, ...spec }
  return probe(whole, { client: by, key: 'the key', requestId: 'a-run', signal: AbortSignal.timeout(limitMs) })
}

describe('a probe of a place where nothing listens', () => {
  it('says so in one sentence', async () => {
    const gone = await startSink(() => undefined)
    await gone.close()
    const destination = { origin: gone.origin, prefix: '', isOwn: true, literal: '127.0.0.1' }
    const lost = new OutgoingClient({ destination, clock: systemClock })
    const { error } = await ask({}, 5_000, lost)
    expect(error).toBe('No answer: nothing takes connections there; look whether the service is running, and at this port.')
    await lost.close()
  })
})

describe('a probe passes', () => {
  it.each<[string, Partial<ProbeSpec>]>([
    ['with the status', {}],
    ['with another status that is expected', { path: '/empty', expectStatus: 204 }],
    ['with one of several statuses', { kind: 'GRAPHQL', path: '/limited', expectStatus: 401, otherStatuses: [429] }],
    ['with the body', { expectBody: { status: 'alive', flags: [1, 2] } }],
    ['with a redirect that is expected', { path: '/moved', expectStatus: 301 }],
    ['with a long body that nobody looks at', { path: '/long' }],
    [
      'with errors that are expected',
      { kind: 'GRAPHQL', path: '/errors', expectBody: { errors: [{ message: 'secret text', extensions: { code: 'FORBIDDEN' } }] } },
    ],
    ['within its time', { maxLatencyMs: 60_000 }],
  ])('%s', async (_, spec) => expect(await ask(spec)).toMatchObject({ status: 'PASSED' }))
})

describe('a probe fails, saying which assertion did and never what was answered', () => {
  it.each<[Partial<ProbeSpec>, number | undefined, string]>([
    [{ path: '/nowhere' }, 404, 'The status is 404, not 200: there is nothing at this path; check the path, and the base URL.'],
    [{ path: '/moved' }, 301, 'The status is 301, not 200: redirects are not followed; probe the address that it leads to.'],
    [{ expectStatus: 201 }, 200, 'The status is 200, not 201.'],
    [{ expectBody: { status: 'dead' } }, 200, 'In the body, `status` is not what expectBody says.'],
    [{ expectBody: { flags: [1] } }, 200, 'In the body, `flags` is not what expectBody says.'],
    [{ expectBody: { other: 1 } }, 200, 'In the body, `other` is missing.'],
    [{ expectBody: [] }, 200, 'The body as a whole is not what expectBody says.'],
    [{ path: '/text', expectBody: {} }, 200, 'The body is not JSON. Check the path, or leave expectBody out.'],
    [{ path: '/empty', expectStatus: 204, expectBody: {} }, 204, 'The body is not JSON. Check the path, or leave expectBody out.'],
    [{ path: '/long', expectBody: {} }, 200, 'The answer is longer than 64 KiB, so its body was not looked at. Ask for less.'],
    [{ kind: 'GRAPHQL', path: '/text' }, 200, 'The body is not JSON. Check the path, or leave expectBody out.'],
    [
      { kind: 'GRAPHQL', path: '/errors' },
      200,
      'The answer holds GraphQL errors (FORBIDDEN): the query asks for more than an OPERATOR may see; ask for less.',
    ],
    [{ kind: 'GRAPHQL', path: '/foreign-errors' }, 200, 'The answer holds GraphQL errors.'],
    [
      { kind: 'GRAPHQL', path: '/unavailable' },
      503,
      'The status is 503, not 200 (UNAVAILABLE): something that the service needs does not answer, most likely its database.',
    ],
    [
      { kind: 'GRAPHQL', path: '/limited' },
      429,
      'The status is 429, not 200 (RATE_LIMITED): a rate limit rule counts the probes too; look at rateLimitRules, or wait.',
    ],
    [{ inspect: () => 'What was inspected is wrong.' }, 200, 'What was inspected is wrong.'],
    [{ path: '/cut' }, undefined, 'No answer: the connection was cut before the answer was whole; look for a crash or a proxy in between.'],
  ])('%j', async (spec, statusCode, error) => {
    const verdict = await ask(spec)
    expect({ status: verdict.status, statusCode: verdict.statusCode, error: verdict.error }).toEqual({
      status: 'FAILED',
      statusCode,
      error,
    })
    expect(verdict.error).not.toMatch(/secret|shown|alive/i)
  })

  it('when the answer takes too long', async () => {
    const { status, latencyMs, error } = await ask({ path: '/slow', maxLatencyMs: 20 })
    expect(status).toBe('FAILED')
    expect(latencyMs).toBeGreaterThan(20)
    expect(error).toMatch(/^The answer took \d+ ms, at most 20 ms are allowed\. Look for load, or raise maxLatencyMs\.$/)
  })
})

it('a probe that the maintenance mode refuses is skipped, unless it was to be refused', async () => {
  expect(await ask({ kind: 'GRAPHQL', path: '/maintenance' })).toMatchObject({ status: 'SKIPPED', statusCode: 503, latencyMs: null })
  expect(await ask({ kind: 'GRAPHQL', path: '/maintenance', sendsKey: false, expectStatus: 401 })).toMatchObject({ status: 'FAILED' })
})

it('a probe whose time is up says so to whoever set it', async () => {
  await expect(ask({ path: '/silent' }, 50)).rejects.toThrow('timeout')
})

it('the key goes with GRAPHQL probes alone, and not with those that must be refused', async () => {
  const before = sink.requests.length
  await ask({ kind: 'HTTP', path: '/json' })
  await ask({ kind: 'GRAPHQL', path: '/json', query: '{ a }' })
  await ask({ kind: 'GRAPHQL', path: '/denied', query: '{ a }', sendsKey: false, expectStatus: 401 })
  expect(sink.requests.slice(before).map(({ method, headers }) => `${method} ${headers.authorization}`)).toEqual([
    'GET undefined',
    'POST Bearer the key',
    'POST undefined',
  ])
})
