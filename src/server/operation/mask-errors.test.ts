import { HeaderMap } from '@apollo/server'
import { GraphQLError, GraphQLObjectType, GraphQLScalarType, GraphQLSchema, GraphQLString } from 'graphql'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../core/contract/errors.js'
import { systemClock } from '../../core/platform/clock.js'
import { createLog } from '../../core/platform/log.js'
import { Snapshot } from '../../core/state/snapshot.js'
import { ANONYMOUS } from '../../enforcement/authenticate.js'
import { createLoadKinds } from '../load/load-kind.js'
import { Documents } from './documents.js'
import { createEngine } from './engine.js'
import { createErrorMask } from './mask-errors.js'
import { Operations } from './operations.js'
import { SHORTCUTS } from './ways.js'

const KEY = `vk_test_${'A'.repeat(12)}_${'b'.repeat(32)}_1Abc2`
const SECRET = 'host=db.internal password=hunter2-hunter2 at /srv/app/store.ts'

const Odd = new GraphQLScalarType({
  name: 'Odd',
  serialize: (value) => {
    throw new GraphQLError(`Odd cannot represent ${String(value)}`, { extensions: { code: 'BAD_USER_INPUT' } })
  },
  parseValue: (value) => {
    if (value !== 'odd') throw new TypeError(`not odd: ${String(value)}`)
    return value
  },
})

/** A nullable field that fails in its own way. */
function failing(error: () => unknown) {
  return {
    type: GraphQLString,
    resolve: () => {
      throw error()
    },
  }
}

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      good: { type: GraphQLString, resolve: () => 'good' },
      bug: failing(() => new Error(SECRET, { cause: new Error('the disk is full') })),
      thrownText: failing(() => SECRET),
      foreign: failing(() => new GraphQLError(SECRET, { extensions: { code: 'BAD_USER_INPUT', http: { status: 418 } } })),
      broken: failing(() => new AppError('INTERNAL_SERVER_ERROR', SECRET)),
      busy: failing(() => new AppError('UNAVAILABLE', 'The database is away.', { retryAfterSeconds: 2, cause: new Error(SECRET) })),
      forbidden: failing(() => new AppError('FORBIDDEN', 'You may not.')),
      odd: { type: Odd, args: { value: { type: Odd } }, resolve: () => SECRET },
    },
  }),
})

async function ask(query: string, { variables = {}, accept = 'application/json' }: { variables?: object; accept?: string } = {}) {
  const logged: Record<string, unknown>[] = []
  const log = createLog({ logLevel: 'info' }, { write: (line) => void logged.push(JSON.parse(line)) })
  const mask = createErrorMask(log)
  const parts = { schema, mask, clock: systemClock, log, settings: { isDevelopment: false } }
  const operations = new Operations({
    ...parts,
    limits: {
      admit: () => ({ headers: {}, error: undefined }),
      admitRefused: () => ({ headers: {}, error: undefined }),
    },
    metrics: { observe: () => undefined },
    audit: { record: () => undefined },
    tally: { apollo: 0, short: 0, socket: 0 },
  })
  const engine = createEngine({
    ...parts,
    operations,
    documents: new Documents({ schema, kinds: createLoadKinds(schema), shortcuts: SHORTCUTS }),
  })
  await engine.start()
  const headers = new HeaderMap([
    ['content-type', 'application/json'],
    ['accept', accept],
  ])
  const context = {
    caller: ANONYMOUS,
    requestId: 'r-1',
    remoteAddress: '',
    subjects: { ip: '', clientId: null, user: null },
    snapshot: Snapshot.empty([], { revision: 0, digest: '' }),
    core: {} as never,
    once: () => undefined as never,
    admit: () => undefined,
  }
  const answer = await engine.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'POST', headers, search: '', body: { query, variables } },
    context: () => Promise.resolve(context),
  })
  await engine.stop()
  if (answer.body.kind !== 'complete') throw new TypeError('not complete')
  return { status: answer.status, headers: answer.headers, text: answer.body.string, body: JSON.parse(answer.body.string), logged }
}

describe('an unexpected error', () => {
  it.each(['bug', 'thrownText', 'foreign', 'broken', 'odd'])(
    'of the kind "%s" shows nothing but the request id, and is logged once',
    async (field) => {
      const { status, body, text, logged } = await ask(`{ ${field} }`)
      expect(status).toBe(500)
      expect(body.errors).toEqual([
        {
          message: 'Something went wrong on our side. Tell the operators this request id: r-1',
          locations: [{ line: 1, column: 3 }],
          path: [field],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'r-1' },
        },
      ])
      expect(text).not.toContain('hunter2')
      expect(logged.map(({ level, requestId, msg }) => ({ level, requestId, msg }))).toEqual([
        { level: 'error', requestId: 'r-1', msg: 'call failed' },
      ])
    },
  )

  it('is logged with its cause, without passwords', async () => {
    const { logged } = await ask('{ bug }')
    expect(logged[0]?.['err']).toMatchObject({
      message: expect.stringContaining('host=db.internal'),
      cause: { message: 'the disk is full' },
    })
    expect(JSON.stringify(logged)).not.toContain('hunter2')
  })
})

describe('the status of an answer', () => {
  it('is that of the fault when nothing else was answered, with its headers', async () => {
    const { status, headers, body } = await ask('{ busy }')
    expect(status).toBe(503)
    expect(headers.get('retry-after')).toBe('2')
    expect(body.errors[0]).toMatchObject({ message: 'The database is away.', extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 2 } })
    expect(Object.keys(body.errors[0].extensions).sort()).toEqual(['code', 'retryAfterSeconds'])
    expect((await ask('{ forbidden }')).status).toBe(403)
  })

  it('is 200 when a part of the answer is good', async () => {
    const { status, body } = await ask('{ good forbidden }')
    expect(status).toBe(200)
    expect(body.data).toEqual({ good: 'good', forbidden: null })
    expect((await ask('{ good bug }')).status).toBe(200)
  })

  it('follows GraphQL over HTTP to the letter for its own media type: data that is not null comes with 2xx', async () => {
    expect((await ask('{ forbidden }', { accept: 'application/graphql-response+json' })).status).toBe(200)
    expect((await ask('{ nope }', { accept: 'application/graphql-response+json' })).status).toBe(400)
  })
})

describe('a fault of the request', () => {
  it.each([
    ['GRAPHQL_PARSE_FAILED', '{ good'],
    ['GRAPHQL_PARSE_FAILED', `{ ${'good '.repeat(2000)} }`],
    ['GRAPHQL_VALIDATION_FAILED', '{ nope }'],
    ['OPERATION_RESOLUTION_FAILURE', 'query A { good } query B { good }'],
    ['BAD_USER_INPUT', 'query ($a: Boolean!) { good @skip(if: $a) }'],
  ])('is answered with 400 and %s', async (code, query) => {
    const { status, body, logged } = await ask(query)
    expect(status).toBe(400)
    expect(body.errors[0].extensions.code).toBe(code)
    expect(body.data).toBe(undefined)
    expect(logged).toEqual([])
  })

  it('in a variable says what is wrong with it, but does not write a key back', async () => {
    const { status, body, text, logged } = await ask('query ($value: Odd) { odd(value: $value) }', { variables: { value: KEY } })
    expect(status).toBe(400)
    expect(body.errors[0]).toMatchObject({
      message: expect.stringContaining('Variable "$value" got invalid value'),
      extensions: { code: 'BAD_USER_INPUT' },
    })
    expect(text).not.toContain(KEY)
    expect(logged).toEqual([])
  })
})
