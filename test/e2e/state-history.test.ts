import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/core/state/snapshot.js'
import type { JsonObject } from '../../src/core/values/json.js'
import { configEntryCollection } from '../../src/packs/config-registry/config-entry.collection.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { anyCall } from '../state/random-commands.js'
import { operate } from '../testkit/admin-operations.js'
import { createTestDatabase, ENGINES } from '../testkit/databases.js'
import { COLLECTIONS, collect, run } from '../testkit/ledger.js'
import { replay } from '../testkit/replay.js'
import { type RequestOptions, startTestServer, type TestServer } from '../testkit/server.js'

const EXPORT = `query ($kinds: [StateKind!], $prefix: String, $atRevision: Int) {
  exportState(kinds: $kinds, prefix: $prefix, atRevision: $atRevision) { revision state }
}`

interface Exported {
  readonly revision: number
  readonly state: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>
}

async function exportOf(server: TestServer, variables: object = {}, options?: RequestOptions): Promise<Exported> {
  const { data, errors } = await server.gql(EXPORT, { ...variables }, options)
  expect(errors).toBe(undefined)
  return (data as unknown as { exportState: Exported }).exportState
}

async function faultOf(server: TestServer, variables: object): Promise<unknown> {
  const { status, errors } = await server.gql(EXPORT, { ...variables })
  return [status, errors?.[0]?.extensions?.['code'], errors?.[0]?.message]
}

/** What the document has to hold of a state without rate limits and checks. */
function documentOf(snapshot: Snapshot): Exported['state'] {
  const flags = [...snapshot.view(featureFlagCollection).values()].map(({ key, group, description, isEnabled, strategies, variants }) => [
    key,
    { group, description, isEnabled, strategies, variants },
  ])
  const configs = [...snapshot.view(configEntryCollection).values()].map(({ key, value, description, isMutable, valueSchema }) => [
    key,
    { value, description, isMutable, valueSchema },
  ])
  return { configs: Object.fromEntries(configs), flags: Object.fromEntries(flags), rateLimits: {}, smokeChecks: {} }
}

const COMPARE = `query ($from: Int!, $to: Int) {
  compareRevisions(from: $from, to: $to) { step pack targetType targetId targetKey action before after }
}`

interface Difference {
  readonly targetType: string
  readonly targetKey: string
  readonly action: string
  readonly before: JsonObject | null
  readonly after: JsonObject | null
}

async function comparison(server: TestServer, variables: { from: number; to?: number }): Promise<readonly Difference[]> {
  const { data, errors } = await server.gql(COMPARE, variables)
  expect(errors).toBe(undefined)
  return (data as unknown as { compareRevisions: readonly Difference[] }).compareRevisions
}

/** What has to be told of two states, computed object by object. */
function differencesOf(from: Snapshot, to: Snapshot): unknown[] {
  return COLLECTIONS.toSorted((a, b) => (a.name < b.name ? -1 : 1)).flatMap((collection) => {
    const [earlier, later] = [from, to].map((state) => state.table(collection.name))
    const keys = new Set([...(earlier?.values() ?? []), ...(later?.values() ?? [])].map(collection.keyOf))
    return [...keys].sort().flatMap((targetKey): object[] => {
      const [before = null, after = null] = [earlier, later].map((table) => {
        const record = table?.get(targetKey)
        return record ? collection.imageOf(record) : null
      })
      const place = { step: 0, pack: collection.pack, targetType: collection.name, targetKey }
      const end = { ...place, targetId: before?.['id'], action: 'DELETE', before, after: null }
      const beginning = { ...place, targetId: after?.['id'], action: 'CREATE', before: null, after }
      if (!before || !after || before['id'] !== after['id']) return [...(before ? [end] : []), ...(after ? [beginning] : [])]
      const counted = { [collection.version]: 0, updatedAt: 0 }
      const isSame = isDeepStrictEqual({ ...before, ...counted }, { ...after, ...counted })
      return isSame ? [] : [{ ...place, targetId: after['id'], action: 'UPDATE', before, after }]
    })
  })
}

describe.each(ENGINES)('the state at a revision on %s', (engine) => {
  let server: TestServer
  let drop: (() => Promise<void>) | undefined
  beforeAll(async () => {
    const database = engine === 'postgresql' ? await createTestDatabase() : undefined
    drop = database?.drop
    server = await startTestServer(database ? { DATABASE_URL: database.url } : {})
  })
  afterAll(async () => {
    await server.close()
    await drop?.()
  })

  it('is exported and compared as what a replay of the log up to there leads to, whatever was done before and since', async () => {
    const { ledger, changeLog } = server.services
    await fc.assert(
      fc.asyncProperty(fc.array(anyCall, { minLength: 1, maxLength: 12 }), async (calls) => {
        const first = ledger.snapshot.revision
        for (const { command, input } of calls) await run(ledger, command, input)
        const names = new Set(COLLECTIONS.map(({ name }) => name))
        const log = (await collect(changeLog.stream({}))).filter(({ targetType }) => names.has(targetType))
        const states: Snapshot[] = []
        for (let revision = first; revision <= ledger.snapshot.revision; revision += 1) {
          const upTo = log.filter((change) => change.revision <= revision)
          const then = replay(COLLECTIONS, upTo)
          states.push(then)
          expect(await exportOf(server, { atRevision: revision })).toEqual({ revision, state: documentOf(then) })
        }
        expect(await exportOf(server)).toEqual({ revision: ledger.snapshot.revision, state: documentOf(ledger.snapshot) })
        for (const [index, then] of states.entries()) {
          const [from, to] = [first + index, ledger.snapshot.revision]
          expect(await comparison(server, { from })).toEqual(differencesOf(then, ledger.snapshot))
          expect(await comparison(server, { from: to, to: from })).toEqual(differencesOf(ledger.snapshot, then))
          const middle = states[Math.floor(index / 2)] as Snapshot
          expect(await comparison(server, { from, to: first + Math.floor(index / 2) })).toEqual(differencesOf(then, middle))
        }
      }),
      { numRuns: 8 },
    )
  })

  it('is the same text for the same revision, and once everything was made again elsewhere out of it', async () => {
    const before = await exportOf(server)
    await operate(server, {
      steps: [
        { setFeatureFlag: { key: 'zz', strategies: [{ rolloutPercent: 5 }] } },
        { setConfig: { key: 'b', value: { z: 1, a: [{ y: 1, b: 2 }] } } },
      ],
    })
    const after = JSON.stringify(await exportOf(server))
    expect(JSON.stringify(await exportOf(server))).toBe(after)
    expect(JSON.stringify(await exportOf(server, { atRevision: before.revision }))).toBe(JSON.stringify(before))

    const { state } = await exportOf(server)
    const [flags, configs] = [Object.entries(state['flags'] ?? {}), Object.entries(state['configs'] ?? {})]
    const deletions = [
      ...flags.map(([key]) => ({ deleteFeatureFlag: { key } })),
      ...configs.flatMap(([key]) => [{ unlockConfig: { key, reason: 'test' } }, { deleteConfig: { key } }]),
    ]
    await operate(server, { steps: deletions })
    const makings = [
      ...flags.map(([key, flag]) => ({ setFeatureFlag: { key, ...flag } })),
      ...configs.map(([key, entry]) => ({ setConfig: { key, ...entry } })),
    ]
    expect((await operate(server, { steps: makings })).userErrors).toEqual([])
    expect(JSON.stringify((await exportOf(server)).state)).toBe(JSON.stringify(state))
  })
})

describe('a comparison of revisions', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ VALHALLA_MAX_ANSWER_BYTES: '65536' })
  })
  afterAll(() => server.close())

  it('shows nothing of what was changed and put back, and an object that was made anew as another one', async () => {
    const { revision: from } = await operate(server, { steps: [{ setFeatureFlag: { key: 'a' } }, { setFeatureFlag: { key: 'b' } }] })
    await operate(server, { steps: [{ setFeatureFlag: { key: 'a', isEnabled: false } }, { deleteFeatureFlag: { key: 'b' } }] })
    await operate(server, { steps: [{ setFeatureFlag: { key: 'a', isEnabled: true } }, { setFeatureFlag: { key: 'b' } }] })
    const differences = await comparison(server, { from: Number(from) })
    expect(differences.map(({ targetKey, action }) => [targetKey, action])).toEqual([
      ['b', 'DELETE'],
      ['b', 'CREATE'],
    ])
  })

  it('of what is too large for one answer, or of a revision that there is not, is refused', async () => {
    const from = server.services.ledger.snapshot.revision
    const value = 'x'.repeat(40_000)
    for (const key of ['a', 'b']) await operate(server, { steps: [{ setConfig: { key, value } }] })
    for (const key of ['a', 'b']) await operate(server, { steps: [{ deleteConfig: { key } }] })
    const fault = async (variables: object) => (await server.gql(COMPARE, { ...variables })).errors?.[0]?.message
    expect(await fault({ from: from + 2 })).toContain('The answer would have more than 65536 bytes.')
    expect(await comparison(server, { from: from + 2, to: from + 2 })).toEqual([])
    const newest = from + 4
    for (const [argument, given] of [
      ['from', { from: newest + 1 }],
      ['to', { from: 1, to: newest + 1 }],
    ] as const)
      expect(await fault(given)).toBe(
        `The argument \`${argument}\` must be a revision from 0 to ${newest}, the newest one; is ${newest + 1}.`,
      )
  })
})

describe('an export', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
    const { client } = await server.addClient({ name: 'web-shop' })
    const { client: old } = await server.addClient({ name: 'old-shop', isActive: false })
    const limit = { maxRequests: 600, windowSeconds: 60 }
    const outcome = await operate(server, {
      steps: [
        { setFeatureFlag: { key: 'checkout.new' } },
        { setFeatureFlag: { key: 'other' } },
        { setConfig: { key: 'checkout/limits', value: { max: 10 } } },
        { setRateLimitRule: { scope: 'IP', ...limit } },
        { setRateLimitRule: { scope: 'API_KEY', key: client.id, ...limit } },
        { setRateLimitRule: { scope: 'API_KEY', key: old.id, ...limit } },
        { setSmokeCheck: { name: 'front-page', kind: 'HTTP', path: '/livez' } },
      ],
    })
    expect(outcome.userErrors).toEqual([])
    oldId = old.id
  })
  afterAll(() => server.close())
  let oldId = ''

  it('holds whole objects under what people call them; a limit on a client by its name for as long as that is its own', async () => {
    const rule = { windowSeconds: 60, maxRequests: 600, isEnabled: true, isShadow: false, description: null }
    const { state } = await exportOf(server)
    expect(state['rateLimits']).toEqual({ [`API_KEY ${oldId}`]: rule, 'API_KEY client:web-shop': rule, 'IP *': rule })
    expect(state['smokeChecks']).toEqual({
      'front-page': {
        kind: 'HTTP',
        path: '/livez',
        query: null,
        expectStatus: 200,
        expectBody: null,
        maxLatencyMs: null,
        isBlocking: true,
        isEnabled: true,
      },
    })
    expect(Object.keys(state)).toEqual(['configs', 'flags', 'rateLimits', 'smokeChecks'])
  })

  it('holds the asked-for kinds and names alone, to whoever may only read', async () => {
    const { key } = await server.addClient({ name: 'reader', role: 'OBSERVER' })
    const { state } = await exportOf(server, { prefix: 'checkout' }, { key })
    expect(Object.entries(state).map(([part, objects]) => [part, Object.keys(objects)])).toEqual([
      ['configs', ['checkout/limits']],
      ['flags', ['checkout.new']],
      ['rateLimits', []],
      ['smokeChecks', []],
    ])
    const limits = await exportOf(server, { kinds: ['RATE_LIMITS'], prefix: 'API_KEY client:' }, { key })
    expect(Object.keys(limits.state['rateLimits'] ?? {})).toEqual(['API_KEY client:web-shop'])
    expect(Object.keys(limits.state)).toEqual(['rateLimits'])
  })

  it('of no revision that there is or was, or of no kind, is refused', async () => {
    const { revision } = await exportOf(server)
    const message = (at: number) => `The argument \`atRevision\` must be a revision from 0 to ${revision}, the newest one; is ${at}.`
    expect(await faultOf(server, { atRevision: revision + 1 })).toEqual([400, 'BAD_USER_INPUT', message(revision + 1)])
    expect(await faultOf(server, { atRevision: -1 })).toEqual([400, 'BAD_USER_INPUT', message(-1)])
    expect(await faultOf(server, { kinds: [] })).toEqual([
      400,
      'BAD_USER_INPUT',
      'The argument `kinds` names no kind. Leave it out for all of them.',
    ])
    expect((await exportOf(server, { atRevision: 0 })).state).toEqual({ configs: {}, flags: {}, rateLimits: {}, smokeChecks: {} })
  })
})
