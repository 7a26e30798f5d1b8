import type { LookupFunction } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { INSIDE_SPELLINGS } from '../../../../test/testkit/inside-spellings.js'
import { type Sink, startSink } from '../../../../test/testkit/sink.js'
import { systemClock } from '../../../core/platform/clock.js'
import { type Destination, destinationOf } from './destination.js'
import { describeOutgoingFault } from './fault-words.js'
import { ForbiddenAddressError, MAX_BODY_BYTES, OutgoingClient } from './outgoing-client.js'

let sink: Sink
beforeAll(async () => {
  sink = await startSink((request, response) => {
    switch (request.url) {
      case '/redirect':
        return response.writeHead(302, { location: `http://127.0.0.1:${sink.port}/inside` }).end()
      case '/endless':
        response.writeHead(200)
        return void (function more(): void {
          if (!response.destroyed) response.write('x'.repeat(16 * 1024), () => setImmediate(more))
        })()
      case '/silent':
        return
      default:
        return void response.end('{"secret":"from the inside"}')
    }
  })
})
afterAll(() => sink.close())

const clients: OutgoingClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

function clientTo(destination: Destination, lookup?: LookupFunction): OutgoingClient {
  const client = new OutgoingClient({ destination, clock: systemClock, ...(lookup ? { lookup } : {}) })
  clients.push(client)
  return client
}

/** A destination that the operator allows, of this name and the sink's port. */
function allowed(host: string): Destination {
  const { origin } = new URL(`http://${host}:${sink.port}`)
  const found = destinationOf(new URL(origin), { ownUrls: [], allowedOrigins: [origin] })
  if (!('destination' in found)) throw new Error(found.fault)
  return found.destination
}

const get = (client: OutgoingClient, path = '/', limitMs = 60_000) =>
  client.request({ method: 'GET', path, signal: AbortSignal.timeout(limitMs) })

/** An ordinary address by the rules; IANA has given it to nobody. */
const UNANSWERED = '2000::1'

/** A lookup that answers these lists of addresses, one a time, and counts. */
function lookupOf(...answers: (readonly string[])[]) {
  const asked: string[] = []
  const lookup: LookupFunction = (hostname, options, callback) => {
    const addresses = (answers[asked.length] ?? answers.at(-1) ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    asked.push(hostname)
    if (options.all) callback(null, addresses)
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family)
  }
  return { lookup, asked }
}

describe(`${INSIDE_SPELLINGS.length} spellings of what is inside`, () => {
  const ownUrls = ['http://127.0.0.1:1']
  const allowedOrigins = ['http://allowed.example', 'https://allowed.example', 'http://127.0.0.1:2', 'http://[::1]:2']

  it('are many, and each is another one', () => {
    expect(INSIDE_SPELLINGS.length).toBeGreaterThanOrEqual(60)
    expect(new Set(INSIDE_SPELLINGS).size).toBe(INSIDE_SPELLINGS.length)
  })

  it.each(INSIDE_SPELLINGS)('%s is refused before anything is looked up', (host) => {
    const text = `http://${host}:${sink.port}/`
    const faults = URL.canParse(text) ? [destinationOf(new URL(text), { ownUrls, allowedOrigins })] : []
    expect(faults.filter((found) => 'destination' in found)).toEqual([])
  })

  it.each(INSIDE_SPELLINGS)('%s is not connected to, even if it should have passed for an allowed name', async (host) => {
    const text = `http://${host}:${sink.port}/`
    if (URL.canParse(text)) {
      // What a mistake in the first check would let through: an origin without its literal.
      const client = clientTo({ origin: new URL(text).origin, prefix: '', isOwn: false, literal: undefined })
      const error = await get(client).catch((thrown: unknown) => thrown)
      // Not every resolver knows `localhost.`, nor has every machine one; without an address there is nothing to connect to.
      const isUnknown = ['ENOTFOUND', 'EAI_AGAIN'].includes((error as NodeJS.ErrnoException).code ?? '')
      const isUnknownName = isUnknown && /^localhost\.$/.test(new URL(text).hostname)
      if (!isUnknownName) expect(error).toBeInstanceOf(ForbiddenAddressError)
    }
    expect(sink.requests).toEqual([])
  })
})

describe('a name', () => {
  it.each([
    ['loopback', ['127.0.0.1']],
    ['private', ['10.1.2.3']],
    ['metadata', ['169.254.169.254']],
    ['mapped', ['::ffff:127.0.0.1']],
    ['ordinary and inside at once', ['93.184.216.34', '127.0.0.1']],
    ['inside and ordinary at once', ['::1', '93.184.216.34']],
  ])('is refused as a whole when its addresses are %s', async (_, addresses) => {
    const { lookup } = lookupOf(addresses)
    await expect(get(clientTo(allowed('sink.example'), lookup))).rejects.toBeInstanceOf(ForbiddenAddressError)
    expect(sink.requests).toEqual([])
  })

  it('that leads elsewhere the second time is looked at each time, and never asked twice for one connection', async () => {
    const { lookup, asked } = lookupOf(['192.0.2.1', UNANSWERED], ['127.0.0.1'])
    const client = clientTo(allowed('sink.example'), lookup)
    await expect(get(client, '/', 300)).rejects.toBeInstanceOf(ForbiddenAddressError)
    await expect(get(client, '/', 300)).rejects.toBeInstanceOf(ForbiddenAddressError)
    expect(asked).toEqual(['sink.example', 'sink.example'])

    const flipping = lookupOf([UNANSWERED], ['127.0.0.1'])
    const other = clientTo(allowed('sink.example'), flipping.lookup)
    // Nobody answers at the first address: what matters is that the second one is not taken instead.
    await get(other, '/', 300).catch(() => undefined)
    expect(flipping.asked).toHaveLength(1)
    await expect(get(other, '/', 300)).rejects.toBeInstanceOf(ForbiddenAddressError)
    expect(sink.requests).toEqual([])
  })

  it('whose connection ends up inside after all gets no request', async () => {
    let reads = 0
    // Ordinary when it is looked at, loopback when it is connected to.
    const shifty = {
      family: 4,
      get address() {
        reads += 1
        return reads === 1 ? '93.184.216.34' : '127.0.0.1'
      },
    }
    const lookup: LookupFunction = (_hostname, _options, callback) => callback(null, [shifty])
    await expect(get(clientTo(allowed('sink.example'), lookup))).rejects.toBeInstanceOf(ForbiddenAddressError)
    expect(reads).toBeGreaterThan(1)
    expect(sink.requests).toEqual([])
  })

  it('without an address is told apart from one that is forbidden', async () => {
    const error = await get(clientTo(allowed('sink.example'), lookupOf([]).lookup)).catch((thrown: unknown) => thrown)
    expect(describeOutgoingFault(error)).toBe('its name has no address; check the spelling and the DNS')
  })
})

describe('an origin that the operator has allowed', () => {
  it.each(['127.0.0.1', '[::1]', '0x7f.1'])('by its address %s works', async (host) => {
    const { status, body, isWhole } = await get(clientTo(allowed(host)))
    expect({ status, body: String(body), isWhole }).toEqual({ status: 200, body: '{"secret":"from the inside"}', isWhole: true })
  })

  it('is not left through a redirect', async () => {
    const before = sink.requests.length
    const { status } = await get(clientTo(allowed('127.0.0.1')), '/redirect')
    expect(status).toBe(302)
    expect(sink.requests.slice(before).map(({ path }) => path)).toEqual(['/redirect'])
  })

  it('is not reached through a proxy of the environment', async () => {
    const proxy = await startSink()
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
    const kept = names.map((name) => process.env[name])
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : proxy.origin
    try {
      expect((await get(clientTo(allowed('127.0.0.1')))).status).toBe(200)
      expect(proxy.requests).toEqual([])
    } finally {
      for (const [index, name] of names.entries()) {
        if (kept[index] === undefined) delete process.env[name]
        else process.env[name] = kept[index]
      }
      await proxy.close()
    }
  })

  it('is read up to the cap, however much it sends', async () => {
    const { body, isWhole } = await get(clientTo(allowed('127.0.0.1')), '/endless')
    expect({ size: body.length, isWhole }).toEqual({ size: MAX_BODY_BYTES, isWhole: false })
  })

  it('is given up when the time is up', async () => {
    await expect(get(clientTo(allowed('127.0.0.1')), '/silent', 200)).rejects.toThrow('aborted due to timeout')
  })
})

describe('a destination', () => {
  const rules = {
    ownUrls: ['http://127.0.0.1:4000', 'https://control.example.com/valhalla'],
    allowedOrigins: ['https://other.example.com'],
  }
  const own = (text: string): unknown => {
    const found = destinationOf(new URL(text), rules)
    return 'destination' in found
      ? `${found.destination.isOwn ? 'own' : 'other'} ${found.destination.origin}${found.destination.prefix}`
      : found.fault
  }

  it.each([
    ['http://127.0.0.1:4000', 'own http://127.0.0.1:4000'],
    ['http://0x7f000001:4000/', 'own http://127.0.0.1:4000'],
    ['https://CONTROL.example.com:443/valhalla/', 'own https://control.example.com/valhalla'],
    ['https://other.example.com/a/../b/', 'other https://other.example.com/b'],
  ])('%s is allowed', (text, expected) => expect(own(text)).toBe(expected))

  it.each([
    'http://127.0.0.1:4001',
    'http://127.0.0.1:4000/elsewhere',
    'https://127.0.0.1:4000',
    'http://127.0.0.2:4000',
    'http://localhost:4000',
    'https://control.example.com',
    'https://control.example.com/valhalla/more',
    'https://control.example.com:8443/valhalla',
    'http://other.example.com',
    'https://other.example.com.',
    'https://other.example.com.evil.example',
    'https://evil.example#other.example.com',
    'https://user@other.example.com',
    'https://other.example.com?x=1',
    'ftp://other.example.com',
    'file:///etc/passwd',
  ])('%s is refused', (text) => expect(own(text)).toMatch(/^(This must|Only this service itself)/))
})

it('a fault is told in words, without an address', () => {
  const faults = [
    'ECONNREFUSED',
    'ENOTFOUND',
    'UND_ERR_SOCKET',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'HPE_INVALID_CONSTANT',
    'EWHATEVER',
  ].map((code) => describeOutgoingFault(Object.assign(new Error('connect 10.0.0.1:80'), { code })))
  expect(new Set(faults).size).toBe(faults.length)
  expect(faults.join(' ')).not.toContain('10.0.0.1')
  expect(describeOutgoingFault(new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]))).toMatch(
    /nothing takes connections/,
  )
  expect(describeOutgoingFault('no error at all')).toBe('the connection failed')
})
