import { type Client, createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Retention } from '../../src/core/background/retention.js'
import { createLog } from '../../src/core/platform/log.js'
import { seal } from '../../src/core/state/collection.js'
import { type Command, done } from '../../src/core/state/command.js'
import { type FeatureFlagRecord, featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { operate, revertRevision } from '../testkit/admin-operations.js'
import { createTestDatabase, ENGINES } from '../testkit/databases.js'
import { run } from '../testkit/ledger.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

const CHANGES = `query ($filter: ChangeFilter, $first: Int, $after: String) {
  list: changes(filter: $filter, first: $first, after: $after) { nodes { id targetKey operation } totalCount pageInfo { hasNextPage endCursor } }
}`
const REVISIONS = `query ($filter: ChangeFilter, $first: Int, $after: String) {
  list: revisions(filter: $filter, first: $first, after: $after) { nodes { number } totalCount pageInfo { hasNextPage endCursor } }
}`
const REVISION = `query ($number: Int!) {
  revision(number: $number) {
    number operation reason isRevertible revertOf revertedBy correlationId actor { name } smokeTestRun { isOk } changes { id targetType targetKey reason after }
  }
}`

interface List {
  readonly nodes: readonly { readonly id: string; readonly targetKey: string; readonly operation: string; readonly number: number }[]
  readonly totalCount: number
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

async function listOf(server: TestServer, query: string, variables: object): Promise<List> {
  const { data, errors } = await server.gql(query, { ...variables })
  expect(errors).toBe(undefined)
  return (data as unknown as { list: List }).list
}

/** All of a list, page by page. */
async function all(server: TestServer, query: string, variables: object): Promise<List['nodes']> {
  const nodes: List['nodes'][number][] = []
  for (let after: string | null = null; ; ) {
    const page: List = await listOf(server, query, { ...variables, after })
    nodes.push(...page.nodes)
    if (!page.pageInfo.hasNextPage) return nodes
    after = page.pageInfo.endCursor
  }
}

async function revisionOf(server: TestServer, number: number): Promise<Readonly<Record<string, unknown>> | null> {
  const { data, errors } = await server.gql(REVISION, { number })
  expect(errors).toBe(undefined)
  return (data as unknown as { revision: Readonly<Record<string, unknown>> | null }).revision
}

describe.each(ENGINES)('the log on %s', (engine) => {
  let server: TestServer
  let drop: (() => Promise<void>) | undefined
  let made = 0
  let ruleId = ''
  beforeAll(async () => {
    const database = engine === 'postgresql' ? await createTestDatabase() : undefined
    drop = database?.drop
    server = await startTestServer(database ? { DATABASE_URL: database.url } : {})
    const first = await operate(server, {
      reason: 'a release',
      steps: [
        { setFeatureFlag: { key: 'web-shop', reason: 'by hand' } },
        { setFeatureFlag: { key: 'other' } },
        { setRateLimitRule: { scope: 'IP', maxRequests: 1_000_000 } },
      ],
    })
    made = Number(first.revision)
    ruleId = first.changes[2]?.targetId ?? ''
    await server.addClient({ name: 'web-shop' })
    await operate(server, { steps: [{ deleteRateLimitRule: { id: ruleId } }, { deleteFeatureFlag: { key: 'other' } }] })
  })
  afterAll(async () => {
    await server.close()
    await drop?.()
  })

  it('finds objects by what people call them, of every type and also when they are gone', async () => {
    const called = async (targetKey: string, filter: object = {}) =>
      (await all(server, CHANGES, { filter: { targetKey, ...filter } })).map(({ id, operation }) => `${id} ${operation}`)
    expect(await called('web-shop')).toEqual([`${made + 1}.0 putClient`, `${made}.0 runAdminOperation`])
    expect(await called('web-shop', { targetType: 'ApiClient' })).toEqual([`${made + 1}.0 putClient`])
    expect(await called('IP *')).toEqual([`${made + 2}.0 runAdminOperation`, `${made}.2 runAdminOperation`])
    expect(await called(ruleId)).toEqual([`${made + 2}.0 runAdminOperation`, `${made}.2 runAdminOperation`])
    expect(await called('other', { action: 'DELETE' })).toEqual([`${made + 2}.1 runAdminOperation`])
    expect(await called('no-such')).toEqual([])
  })

  it('finds what one request did, what was done to objects, and any text, page by page and counted', async () => {
    const { changes } = (await operate(server, {
      steps: [{ setConfig: { key: 'By%Hand'.toLowerCase().replace('%', '_'), value: 1 } }],
    })) as {
      changes: readonly { readonly id: string }[]
    }
    const [last] = changes
    const { data } = await server.gql('query ($id: ID!) { change(id: $id) { correlationId } }', { id: last?.id })
    const { correlationId } = (data as unknown as { change: { correlationId: string } }).change
    expect((await all(server, CHANGES, { filter: { correlationId } })).map(({ id }) => id)).toEqual([last?.id])
    const deleted = await listOf(server, CHANGES, { filter: { action: 'DELETE' }, first: 1 })
    expect(deleted).toMatchObject({ nodes: [{ id: `${made + 2}.1` }], totalCount: 2, pageInfo: { hasNextPage: true } })
    const found = async (search: string) => (await all(server, CHANGES, { filter: { search }, first: 1 })).map(({ id }) => id)
    expect(await found('BY HAND')).toEqual([`${made}.0`])
    expect(await found('y_h')).toEqual([last?.id])
    expect(await found('%')).toEqual([])
    expect(await found('eb-SHOP')).toEqual([`${made + 1}.0`, `${made}.0`])
    expect((await listOf(server, CHANGES, { filter: { search: 'a release' } })).totalCount).toBe(2)
  })

  it.each([
    [{ pack: 'XX' }, 'The filter\'s `pack` is "XX", which there is not. There are: TY, TZ, UA, UB, UC, UD, UE, UF, W.'],
    [
      { targetType: 'Flag' },
      'The filter\'s `targetType` is "Flag", which there is not. There are: ConfigEntry, FeatureFlag, SmokeCheck, ApiClient, MaintenanceState, MaintenanceWindow, RateLimitRule, SystemStatus, GuardedOperation.',
    ],
    [{ operation: 'setFlag' }, 'The filter\'s `operation` is "setFlag", which there is not. There are: activateApiClient, '],
    [{ search: '\u0000' }, "The filter's `search` must not hold the character U+0000."],
  ])('refuses a filter that names what there is not, with what there is: %j', async (filter, message) => {
    for (const query of [CHANGES, REVISIONS]) {
      const { status, errors } = await server.gql(query, { filter })
      expect([status, errors?.[0]?.extensions?.['code']]).toEqual([400, 'BAD_USER_INPUT'])
      expect(errors?.[0]?.message).toContain(message)
    }
  })

  it('shows revisions whole, newest first, and those alone that a filter means', async () => {
    const { revision: newest } = server.services.ledger.snapshot
    const numbers = async (filter: object, first: number) => (await all(server, REVISIONS, { filter, first })).map(({ number }) => number)
    expect(await numbers({}, 2)).toEqual(Array.from({ length: newest }, (_, index) => newest - index))
    expect((await listOf(server, REVISIONS, {})).totalCount).toBe(newest)
    expect(await numbers({ targetType: 'RateLimitRule' }, 1)).toEqual([made + 2, made])
    expect(await numbers({ targetType: 'RateLimitRule', pack: 'uc' }, 1)).toEqual([made + 2, made])
    expect(await listOf(server, REVISIONS, { filter: { targetType: 'FeatureFlag' } })).toMatchObject({ totalCount: 2 })
    expect(await revisionOf(server, made)).toMatchObject({
      number: made,
      operation: 'runAdminOperation',
      reason: 'by hand; a release',
      isRevertible: true,
      revertOf: null,
      revertedBy: null,
      smokeTestRun: null,
      changes: [
        { id: `${made}.0`, targetKey: 'web-shop', reason: 'by hand', after: { key: 'web-shop' } },
        { id: `${made}.1`, targetKey: 'other' },
        { id: `${made}.2`, targetKey: 'IP *' },
      ],
    })
    expect(await revisionOf(server, made + 1)).toMatchObject({ operation: 'putClient', isRevertible: false })
    expect([await revisionOf(server, 0), await revisionOf(server, -1), await revisionOf(server, newest + 1)]).toEqual([null, null, null])
  })

  it('says which revision was put back by which, whatever the reason says, and proves it', async () => {
    const { revision } = await operate(server, { steps: [{ setFeatureFlag: { key: 'a' } }, { setFeatureFlag: { key: 'b' } }] })
    const number = Number(revision)
    const [flag] = ((await revisionOf(server, number))?.['changes'] ?? []) as { after: { id: string } }[]
    const part = await revertRevision(server, { revision: number, targetIds: [flag?.after.id], reason: 'no number here' })
    const again = await revertRevision(server, { revision: part.revision })
    const marks = async (of: number | null) => {
      const { revertOf, revertedBy } = (await revisionOf(server, Number(of))) ?? {}
      return [revertOf, revertedBy]
    }
    expect(await marks(number)).toEqual([null, part.revision])
    expect(await marks(part.revision)).toEqual([number, again.revision])
    expect(await marks(again.revision)).toEqual([part.revision, null])
    expect((await server.gql('{ auditIntegrity { isIntact } }')).data).toEqual({ auditIntegrity: { isIntact: true } })
    await server.services.database.ask('UPDATE changes SET revert_of = NULL WHERE revision = $1', [part.revision])
    expect((await server.gql('{ auditIntegrity { isIntact firstBrokenRevision } }')).data).toEqual({
      auditIntegrity: { isIntact: false, firstBrokenRevision: part.revision },
    })
    await server.services.database.ask('UPDATE changes SET revert_of = $2 WHERE revision = $1', [part.revision, number])
  })

  it('shows the smoke test that guarded a revision, also once the state has forgotten it', async () => {
    const { revision } = await operate(server, { steps: [{ setFeatureFlag: { key: 'guarded' } }], guardWithSmokeTest: true })
    const wanted = { smokeTestRun: { isOk: true }, isRevertible: true }
    expect(await revisionOf(server, Number(revision))).toMatchObject(wanted)
    const forget: Command<object, null> = {
      name: 'forget',
      isRevertible: false,
      run(draft) {
        const collection = server.services.collections.find(({ name }) => name === 'GuardedOperation')
        if (collection)
          for (const record of draft.base.table(collection.name).values()) draft.restore(collection, collection.keyOf(record), undefined)
        return done(null)
      },
    }
    await run(server.services.ledger, forget, {})
    expect(await revisionOf(server, Number(revision))).toMatchObject(wanted)
  })

  it('is followed by name and by text: first what was, then what comes', async () => {
    const client: Client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: server.adminKey },
      retryAttempts: 0,
    })
    const follow = async (filter: string, until: number) => {
      const query = `subscription { changes(filter: { sinceRevision: 0, untilRevision: ${until}, ${filter} }) { id targetKey } }`
      const seen: unknown[] = []
      for await (const { data } of client.iterate<{ changes: { id: string; targetKey: string } }>({ query })) seen.push(data?.changes)
      return seen
    }
    const now = server.services.ledger.snapshot.revision
    const followed = Promise.all([
      follow('targetKey: "GLOBAL *"', now + 1),
      follow('search: "by hand"', now + 1),
      follow('targetKey: "IP *"', now + 1),
    ])
    await operate(server, { reason: 'by hand', steps: [{ setRateLimitRule: { scope: 'GLOBAL', maxRequests: 1_000_000 } }] })
    expect(await followed).toEqual([
      [{ id: `${now + 1}.0`, targetKey: 'GLOBAL *' }],
      [
        { id: `${made}.0`, targetKey: 'web-shop' },
        { id: `${now + 1}.0`, targetKey: 'GLOBAL *' },
      ],
      [
        { id: `${made}.2`, targetKey: 'IP *' },
        { id: `${made + 2}.0`, targetKey: 'IP *' },
      ],
    ])
    await client.dispose()
  })
})

describe('a log of 10,000 changes', () => {
  let server: TestServer
  const FLAGS = 1_000
  let first = 0
  beforeAll(async () => {
    server = await startTestServer()
    const { ledger } = server.services
    const putFlags: Command<{ round: number }, null> = {
      name: 'putFlags',
      isRevertible: true,
      run(draft, { round }, { now }) {
        for (let index = 0; index < FLAGS; index += 1) {
          const key = `flag-${index}`
          const flag: FeatureFlagRecord = {
            ...{ key, id: key, group: 'default', description: `round ${round}`, isEnabled: true, strategies: [], variants: [] },
            ...{ version: round, createdAt: now, updatedAt: now },
          }
          draft.put(featureFlagCollection, seal(featureFlagCollection, flag))
        }
        return done(null)
      },
    }
    for (let round = 1; round <= 10; round += 1) {
      const outcome = await run(ledger, putFlags, { round })
      if (round === 1 && outcome.ok) first = Number(outcome.revision)
    }
  })
  afterAll(() => server.close())

  it('is looked back into, compared, searched and listed within the bounds of one call', async () => {
    const { data, errors } = await server.gql(
      `query ($first: Int!) {
        exportState(kinds: [FLAGS], atRevision: $first) { state }
        compareRevisions(from: $first) { targetKey before after }
        revisions(first: 10, filter: { operation: "putFlags" }) { totalCount nodes { number isRevertible changes { id } } }
        none: changes(filter: { search: "no such thing" }) { totalCount nodes { id } }
        last: changes(filter: { action: CREATE, targetType: "FeatureFlag" }, first: 1) { totalCount nodes { id } }
      }`,
      { first },
    )
    expect(errors).toBe(undefined)
    const { exportState, compareRevisions, revisions, none, last } = data as unknown as {
      exportState: { state: { flags: Record<string, { description: string }> } }
      compareRevisions: { before: { description: string }; after: { description: string } }[]
      revisions: { totalCount: number; nodes: { number: number; changes: unknown[] }[] }
      none: object
      last: object
    }
    const { flags } = exportState.state
    expect([Object.keys(flags).length, new Set(Object.values(flags).map(({ description }) => description))]).toEqual([
      FLAGS,
      new Set(['round 1']),
    ])
    expect(compareRevisions.length).toBe(FLAGS)
    expect(new Set(compareRevisions.map(({ before, after }) => `${before.description} ${after.description}`))).toEqual(
      new Set(['round 1 round 10']),
    )
    expect(revisions.totalCount).toBe(10)
    expect(revisions.nodes.map(({ number, changes }) => [number - first, changes.length])).toEqual(
      Array.from({ length: 10 }, (_, index) => [9 - index, FLAGS]),
    )
    expect(none).toEqual({ totalCount: 0, nodes: [] })
    expect(last).toEqual({ totalCount: FLAGS, nodes: [{ id: `${first}.${FLAGS - 1}` }] })
  })

  it('says which state is the oldest that can be told, once it was shortened', async () => {
    const { database, settings, ledger } = server.services
    const clock = { now: () => new Date(Date.now() + 10 * 86_400_000), monotonicMs: () => 0 }
    const log = createLog(settings, { write: () => undefined })
    await new Retention({ database, clock, log, days: { changes: 3, auditEvents: 0 }, auditKey: settings.auditKey }).run()
    const oldest = ledger.snapshot.revision - 1
    const message = `The log does not lead back to revision ${first} any more: what came up to revision ${oldest} was taken away. The oldest state that can be told is that of revision ${oldest}.`
    for (const query of [`{ exportState(atRevision: ${first}) { state } }`, `{ compareRevisions(from: ${first}) { action } }`]) {
      const { status, errors } = await server.gql(query)
      expect([status, errors?.[0]?.message, errors?.[0]?.extensions]).toMatchObject([
        400,
        message,
        { code: 'BAD_USER_INPUT', oldestRevision: oldest },
      ])
    }
    const RESTORE = `mutation { restoreObject(input: { targetType: "FeatureFlag", targetKey: "flag-1", revision: ${first} }) { revision userErrors { code message } } }`
    expect((await server.gql(RESTORE)).data).toEqual({ restoreObject: { revision: null, userErrors: [{ code: 'NOT_FOUND', message }] } })
    const { data } = await server.gql(`{ exportState(atRevision: ${oldest}) { state } compareRevisions(from: ${oldest}) { targetKey } }`)
    const { exportState, compareRevisions } = data as unknown as {
      exportState: { state: { flags: Record<string, { description: string }> } }
      compareRevisions: unknown[]
    }
    expect([exportState.state.flags['flag-1']?.description, compareRevisions.length]).toEqual(['round 9', FLAGS])
  })
})
