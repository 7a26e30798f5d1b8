import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { processorMsOf } from '../../../test/testkit/processor-time.js'
import { createLog, type Log, type LogSettings } from './log.js'
import { scrubSecrets } from './scrub.js'

const SECRET_PART = 'Ab3dEf6hIj9lMn0pQr2tUv4xYz6bCd8f'
const API_KEY = `vk_live_k7Gh2Lm9Qr4s_${SECRET_PART}_1aB2cD`
const PEPPER = 'pepper "with" \\ quotes'

function openLog(settings: Partial<LogSettings> = {}): { log: Log; text: () => string; lines: () => Record<string, unknown>[] } {
  const written: string[] = []
  const log = createLog({ logLevel: 'trace', ...settings }, { write: (line: string) => void written.push(line) })
  return { log, text: () => written.join(''), lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

describe('logs on standard output', () => {
  it('listen once for the end of the process, however many there are', () => {
    createLog({ logLevel: 'silent' })
    const before = process.listenerCount('exit')
    for (let count = 0; count < 20; count += 1) createLog({ logLevel: 'silent' })
    expect(process.listenerCount('exit')).toBe(before)
  })
})

describe('a log line', () => {
  it('is one JSON object with the level by name, an ISO time, the process and the message', () => {
    const { log, lines } = openLog({ environmentName: 'staging', region: 'eu-west-1' })
    log.info({ revision: 7 }, 'ready')
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        pid: process.pid,
        environment: 'staging',
        region: 'eu-west-1',
        revision: 7,
        msg: 'ready',
      },
    ])
  })

  it('is written only from the level of the settings upwards', () => {
    const { log, lines } = openLog({ logLevel: 'warn' })
    log.info('no')
    log.warn('yes')
    expect(lines().map(({ msg }) => msg)).toEqual(['yes'])
  })

  it('shows an error with its code and its chain of causes, and none of its other properties', () => {
    const { log, lines } = openLog()
    const root = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED', rows: ['canary'] })
    log.error({ err: new Error('commit failed', { cause: new AggregateError([root, 'odd'], 'all tries failed') }) }, 'no commit')
    expect(lines()[0]).toMatchObject({
      msg: 'no commit',
      err: {
        type: 'Error',
        message: 'commit failed',
        stack: expect.stringContaining('log.test.ts'),
        cause: {
          type: 'AggregateError',
          message: 'all tries failed',
          errors: [
            { type: 'Error', message: 'connection refused', code: 'ECONNREFUSED' },
            { type: 'string', message: 'odd' },
          ],
        },
      },
    })
    expect(JSON.stringify(lines())).not.toContain('canary')
  })

  it('ends where an error is its own cause', () => {
    const { log, lines } = openLog()
    const error = new Error('round and round')
    error.cause = error
    log.error(error)
    expect(JSON.stringify(lines()).split('"cause":')).toHaveLength(9)
  })
})

describe('a secret', () => {
  it.each<[string, (log: Log) => void]>([
    ['message', (log) => log.trace(`key ${API_KEY} was used`)],
    ['format argument', (log) => log.trace('key %s was used', API_KEY)],
    ['property', (log) => log.trace({ given: API_KEY })],
    ['deep property', (log) => log.trace({ a: [{ b: { c: { d: [`x${API_KEY}`] } } }] })],
    ['property name', (log) => log.trace({ [API_KEY]: 1 })],
    ['error message, stack', (log) => log.trace(new Error(`bad key ${API_KEY}`))],
    ['cause', (log) => log.trace({ err: new Error('x', { cause: new Error(API_KEY) }) })],
    ['thrown string as a cause', (log) => log.trace({ err: new Error('x', { cause: API_KEY }) })],
    ['child binding', (log) => log.child({ key: API_KEY }).trace('x')],
    ['JSON inside a string', (log) => log.trace(JSON.stringify({ apiKey: API_KEY }))],
    ['key without its checksum', (log) => log.trace(API_KEY.replace(/_[^_]*$/, ''))],
    ['bearer token', (log) => log.trace(`Authorization: Bearer ${SECRET_PART}`)],
    ['authorization header', (log) => log.trace({ req: { headers: { authorization: `Basic ${SECRET_PART}` } } })],
    ['x-api-key header in any case', (log) => log.trace({ headers: { 'X-API-Key': SECRET_PART } })],
    ['list of cookies', (log) => log.trace({ a: { b: { c: { 'set-cookie': [SECRET_PART] } } } })],
    ['apiKey that is an object', (log) => log.trace({ client: { apiKey: { value: SECRET_PART } } })],
    ['deep apiKey with quotes', (log) => log.trace({ a: { b: { c: { apiKey: `"\\${SECRET_PART}` } } } })],
    ['settings', (log) => log.trace({ settings: { databaseUrl: SECRET_PART, keyPepper: SECRET_PART, auditKey: SECRET_PART } })],
    ['URL', (log) => log.trace(`postgresql://app:${SECRET_PART}@db.example.org/x failed`)],
    ['URL without a user', (log) => log.trace(`redis://:${SECRET_PART}@cache.example.org`)],
    ['URL with an unencoded password', (log) => log.trace(`postgresql://app:p@/"#\\${SECRET_PART}@db.example.org/x`)],
    ['query', (log) => log.trace(`postgresql://db.example.org/x?user=a&password=${SECRET_PART}&sslmode=require`)],
    ['keyword string', (log) => log.trace(`host=db.example.org password=${SECRET_PART} dbname=x`)],
  ])('does not get out in a %s', (_, write) => {
    const { log, text, lines } = openLog()
    write(log)
    expect(text()).not.toContain(SECRET_PART)
    expect(text()).toMatch(/redacted|vk_live_k7Gh…/)
    expect(lines()).toHaveLength(1)
  })

  it('of the settings does not get out in any form', () => {
    const settings = { keyPepper: PEPPER, auditKey: 'audit-audit-audit', databaseUrl: 'postgres://app:hunter%40two22@db.example.org/x' }
    const { log, text, lines } = openLog(settings)
    log.trace({ nested: [`<${PEPPER}>`, 'audit-audit-audit'] }, 'hunter%40two22 or hunter@two22')
    expect(text()).not.toMatch(/pepper|audit-audit|hunter/)
    expect(lines()[0]).toMatchObject({ nested: ['<[redacted]>', '[redacted]'], msg: '[redacted] or [redacted]' })
  })

  it('leaves what stands around it readable', () => {
    expect(scrubSecrets(`client ${API_KEY} of postgresql://app:x@db.example.org/x`)).toBe(
      'client vk_live_k7Gh… of postgresql://app:[redacted]@db.example.org/x',
    )
  })

  it.each(['http://127.0.0.1:4000/graphql', 'mail to a@b.example', 'tokens=3', 'vk_live_short', '{"revision":7,"keyId":"abc"}'])(
    'is not seen where there is none: %s',
    (line) => {
      expect(scrubSecrets(line)).toBe(line)
    },
  )

  it('is taken out without breaking the JSON, whatever stands around it', () => {
    const part = fc.constantFrom(
      '://u:',
      '@',
      '"',
      '\\',
      '\n',
      ' ',
      'password=',
      'bearer ',
      API_KEY,
      '\u2028',
      'é',
      '/',
      ':',
      ',',
      ']',
      '{"token":"',
    )
    fc.assert(
      fc.property(fc.array(part), fc.array(part), fc.constantFrom('apiKey', 'token', 'x'), (before, after, name) => {
        const { log, text, lines } = openLog({ keyPepper: PEPPER })
        log.trace({ [name]: before.join(''), list: [after.join('')] }, [...before, API_KEY, PEPPER, ...after].join(''))
        expect(lines()).toHaveLength(1)
        expect(text()).not.toContain(SECRET_PART)
      }),
    )
  })

  it.each([
    ['{"token":["a]b","c"],"x":1}', '{"token":"[redacted]","x":1}'],
    ['{"token":[["a"],{"b":["c"]}],"x":1}', '{"token":"[redacted]","x":1}'],
    ['{"token":["a\\"]b"],"x":1}', '{"token":"[redacted]","x":1}'],
  ])('is taken out with the whole list that it stands in: %s', (line, scrubbed) => {
    expect(scrubSecrets(line)).toBe(scrubbed)
  })

  it('is taken out of any JSON without breaking it', () => {
    const name = fc.constantFrom('token', 'password', 'x')
    const text = fc.oneof(fc.string(), fc.constantFrom(']', '["', 'password=a', '://u:p@', 'bearer abcdefgh'))
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof({ maxDepth: 6 }, text, fc.array(tie('json'), { maxLength: 3 }), fc.dictionary(name, tie('json'), { maxKeys: 3 })),
    }))
    fc.assert(
      fc.property(json, (value) => void JSON.parse(scrubSecrets(JSON.stringify(value)))),
      { numRuns: 2_000 },
    )
  })

  it('is looked for in time that grows with the line, also in a hostile one', async () => {
    const pieces = ['://a:', 'password=', 'vk_live_', 'bearer ', '"token":', '"token":[', '"token":["a",', '\\"', '://']
    const scrub = () => pieces.forEach((piece) => void scrubSecrets(piece.repeat(60_000 / piece.length)))
    expect(await processorMsOf(scrub)).toBeLessThan(5_000)
  })
})
