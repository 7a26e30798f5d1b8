import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Retention } from '../../src/core/background/retention.js'
import { createLog } from '../../src/core/platform/log.js'
import { rateLimitRuleCollection } from '../../src/packs/rate-limits/rate-limit-rule.collection.js'
import { changesOf, operate, placesOf, revertRevision, type ShownChange, type ShownFault } from '../testkit/admin-operations.js'
import { type RequestOptions, startTestServer, type TestServer } from '../testkit/server.js'

const RESTORE = `mutation ($input: RestoreObjectInput!) {
  restoreObject(input: $input) {
    changes { id revision targetType targetId action before after operation reason } revision userErrors { code message field }
  }
}`

interface Restored {
  readonly changes: readonly ShownChange[]
  readonly revision: number | null
  readonly userErrors: readonly ShownFault[]
}

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server.close())

async function restore(input: object, options?: RequestOptions): Promise<Restored> {
  const { data, errors } = await server.gql(RESTORE, { input }, options)
  expect(errors).toBe(undefined)
  return (data as unknown as { restoreObject: Restored }).restoreObject
}

/** Applies steps; the revision that they make. */
async function apply(...steps: object[]): Promise<number> {
  const { revision, userErrors } = await operate(server, { steps })
  expect(userErrors).toEqual([])
  return revision as number
}

describe('restoreObject', () => {
  it('puts one object back over all that happened since, says so in its history, and can be reverted itself', async () => {
    const then = await apply(
      { setFeatureFlag: { key: 'a', description: 'then', strategies: [{ rolloutPercent: 5 }] } },
      { setFeatureFlag: { key: 'b' } },
    )
    await apply({ setFeatureFlag: { key: 'a', description: 'later', strategies: [] } })
    await apply({ setFeatureFlag: { key: 'a', isEnabled: false } }, { setFeatureFlag: { key: 'b', isEnabled: false } })
    const { revision, changes } = await restore({ targetType: 'FeatureFlag', targetKey: 'a', revision: then, reason: 'as before' })
    expect(changes).toMatchObject([
      {
        revision,
        action: 'UPDATE',
        operation: 'restoreObject',
        reason: 'as before',
        before: { description: 'later', isEnabled: false, version: 3 },
        after: { description: 'then', isEnabled: true, version: 4, strategies: [{ rolloutPercent: 5 }] },
      },
    ])
    const { data } = await server.gql(
      '{ a: featureFlag(key: "a") { description history { nodes { operation reason } } } b: featureFlag(key: "b") { isEnabled } }',
    )
    const operations = { operation: 'runAdminOperation', reason: null }
    expect(data).toEqual({
      a: {
        description: 'then',
        history: { nodes: [{ operation: 'restoreObject', reason: 'as before' }, operations, operations, operations] },
      },
      b: { isEnabled: false },
    })
    expect((await restore({ targetType: 'FeatureFlag', targetKey: 'a', revision: then })).revision).toBe(null)
    expect((await revertRevision(server, { revision })).userErrors).toEqual([])
    expect((await server.gql('{ featureFlag(key: "a") { description isEnabled } }')).data).toEqual({
      featureFlag: { description: 'later', isEnabled: false },
    })
  })

  it('takes away what was not there, brings back what is gone, and lets the old object take the place of a new one', async () => {
    const none = server.services.ledger.snapshot.revision
    const first = await apply({ setConfig: { key: 'c', value: 1 } })
    const gone = await apply({ deleteConfig: { key: 'c' } })
    const again = await apply({ setConfig: { key: 'c', value: 2 } })
    const of = (revision: number) => restore({ targetType: 'ConfigEntry', targetKey: 'c', revision })
    const actions = async (revision: number) => (await of(revision)).changes.map(({ action, after }) => [action, after?.['value']])
    expect(await actions(first)).toEqual([
      ['DELETE', undefined],
      ['CREATE', 1],
    ])
    expect(await actions(none)).toEqual([['DELETE', undefined]])
    expect(await actions(gone)).toEqual([])
    expect(await actions(again)).toEqual([['CREATE', 2]])
  })

  it('finds a rate limit by its scope and key, whichever rule that was then', async () => {
    const first = await apply({ setRateLimitRule: { scope: 'IP', maxRequests: 7_000 } })
    const [made] = await changesOf(server, { targetType: 'RateLimitRule' })
    await apply({ deleteRateLimitRule: { id: made?.targetId } })
    await apply({ setRateLimitRule: { scope: 'IP', maxRequests: 8_000 } })
    const { changes, userErrors } = await restore({ targetType: 'RateLimitRule', targetKey: 'IP *', revision: first })
    expect(userErrors).toEqual([])
    expect(changes.map(({ action, before, after }) => [action, before?.['maxRequests'], after?.['maxRequests']]).sort()).toEqual([
      ['CREATE', undefined, 7_000],
      ['DELETE', 8_000, undefined],
    ])
    const { data } = await server.gql('{ rateLimitRules { nodes { id maxRequests } } auditIntegrity { isIntact } }')
    expect(data).toEqual({ rateLimitRules: { nodes: [{ id: made?.targetId, maxRequests: 7_000 }] }, auditIntegrity: { isIntact: true } })
  })

  it('never touches keys: what made or rotated one is not put back, and a status is, with the key that works now', async () => {
    const { client, key } = await server.addClient({ name: 'web-shop', role: 'OBSERVER' })
    const active = server.services.ledger.snapshot.revision
    await server.gql('mutation ($id: ID!) { deactivateApiClient(input: { id: $id }) { userErrors { code } } }', { id: client.id })
    expect((await server.gql('{ systemSummary { totalPacks } }', {}, { key })).status).toBe(401)
    const restored = await restore({ targetType: 'ApiClient', targetKey: 'web-shop', revision: active })
    expect(restored.userErrors).toEqual([])
    expect((await server.gql('{ systemSummary { totalPacks } }', {}, { key })).status).toBe(200)

    await server.gql('mutation ($id: ID!) { rotateApiKey(input: { id: $id }) { userErrors { code } } }', { id: client.id })
    for (const targetKey of ['web-shop', client.id]) {
      const { userErrors, revision } = await restore({ targetType: 'ApiClient', targetKey, revision: active })
      expect({ places: placesOf(userErrors), revision }).toEqual({ places: [['INVALID_STATE', 'revision']], revision: null })
      expect(userErrors[0]?.message).toBe(`What rotateApiKey has done to ApiClient ${targetKey} since then cannot be put back.`)
    }
  })

  it('says everything that is wrong with its input, alone and as a step', async () => {
    const newest = server.services.ledger.snapshot.revision
    const wrong = { targetType: 'Flag', targetKey: '\u0000', revision: newest + 1 }
    const places = [
      ['INVALID', 'targetKey'],
      ['INVALID', 'targetType'],
      ['NOT_FOUND', 'revision'],
    ]
    const { userErrors } = await restore(wrong)
    expect(placesOf(userErrors).sort()).toEqual(places)
    expect(userErrors.find(({ field }) => field?.[0] === 'targetType')?.message).toContain('the types are ConfigEntry, FeatureFlag,')
    const operation = await operate(server, { steps: [{ restoreObject: wrong }] })
    expect(placesOf(operation.userErrors).sort()).toEqual(places.map(([code, field]) => [code, `steps.0.restoreObject.${field}`]))
    const missing = await restore({ targetType: 'FeatureFlag', targetKey: 'none', revision: newest })
    expect(placesOf(missing.userErrors)).toEqual([['NOT_FOUND', 'targetKey']])
  })

  it('is a step of operations, is planned by readers, and needs the right to objects of that kind', async () => {
    const open = await apply({ setConfig: { key: 'locked', value: 1 } })
    await apply({ setConfig: { key: 'locked', value: 2, isMutable: false } })
    const step = { restoreObject: { targetType: 'ConfigEntry', targetKey: 'locked', revision: open } }
    const { key: reader } = await server.addClient({ name: 'reader', role: 'OBSERVER' })
    const { key: operator } = await server.addClient({ name: 'operator', role: 'OPERATOR' })
    const PLAN = 'query ($steps: [AdminStepInput!]!) { plan(steps: $steps) { plan { action after } userErrors { code } } }'
    const planned = await server.gql(PLAN, { steps: [step] }, { key: reader })
    expect(planned.data).toMatchObject({ plan: { plan: [{ action: 'UPDATE', after: { value: 1, isMutable: true } }], userErrors: [] } })
    for (const [query, input] of [
      [RESTORE, step.restoreObject],
      ['mutation ($input: RunAdminOperationInput!) { runAdminOperation(input: $input) { revision } }', { steps: [step] }],
    ] as const) {
      const { status, errors } = await server.gql(query, { input }, { key: operator })
      expect([status, errors?.[0]?.extensions?.['code'], errors?.[0]?.message]).toEqual([
        403,
        'FORBIDDEN',
        'Reverting a change of ConfigEntry needs the permission config:unlock, which your role does not have.',
      ])
    }
    const both = await operate(server, { steps: [step, { setConfig: { key: 'locked', description: 'open again' } }] })
    expect(both.changes).toMatchObject([{ after: { value: 1, isMutable: true, description: 'open again' } }])
  })

  it('is planned in MAINTENANCE by those who watch, refused alone, and done in an operation that overrides it', async () => {
    const open = await apply({ setFeatureFlag: { key: 'kill', isEnabled: false } })
    await apply({ setFeatureFlag: { key: 'kill', isEnabled: true } })
    const step = { restoreObject: { targetType: 'FeatureFlag', targetKey: 'kill', revision: open } }
    const { key: dashboard } = await server.addClient({ name: 'dashboard', role: 'OBSERVER', clientType: 'HEIMDALL' })
    const { key: observer } = await server.addClient({ name: 'observer', role: 'OBSERVER' })
    await server.gql('mutation { setMaintenanceMode(input: { mode: MAINTENANCE }) { revision } }')
    const PLAN =
      'query ($steps: [AdminStepInput!]!) { plan(steps: $steps) { plan { targetKey after } plannedAtRevision userErrors { code } } }'
    for (const key of [dashboard, server.adminKey]) {
      const planned = await server.gql(PLAN, { steps: [step] }, { key })
      expect(planned.data).toMatchObject({ plan: { plan: [{ targetKey: 'kill', after: { isEnabled: false } }], userErrors: [] } })
    }
    expect((await server.gql(PLAN, { steps: [step] }, { key: observer })).status).toBe(503)
    expect((await server.gql(RESTORE, { input: step.restoreObject })).status).toBe(503)
    const { changes } = await operate(server, { steps: [step], reason: 'incident', overrideMaintenance: true })
    expect(changes).toMatchObject([{ after: { isEnabled: false } }])
    await server.gql('mutation { setMaintenanceMode(input: { mode: NORMAL }) { revision } }')
  })
})

describe('a plan of many restoreObject steps', () => {
  it('looks at the name of each object once, those that are gone too', async () => {
    const ids: string[] = []
    const revisions: number[] = []
    for (const key of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
      revisions.push(await apply({ setRateLimitRule: { scope: 'IP', key, maxRequests: 7_000 } }))
      const [made] = await changesOf(server, { targetType: 'RateLimitRule' })
      ids.push(String(made?.targetId))
    }
    for (const id of ids) await apply({ deleteRateLimitRule: { id } })
    const look = vi.spyOn(rateLimitRuleCollection, 'titleOf')
    const { snapshot } = server.services.ledger
    const last = Number(revisions[2])
    const steps = ['10.0.0.3', '10.0.0.2', '10.0.0.1', '10.0.0.4', 'never'].flatMap((key) =>
      // The newest deletion alone, then all three of them.
      [snapshot.revision - 1, last].map((revision) => ({
        restoreObject: { targetType: 'RateLimitRule', targetKey: `IP ${key}`, revision },
      })),
    )
    const PLAN = 'query ($steps: [AdminStepInput!]!) { plan(steps: $steps) { userErrors { field } } }'
    const { data } = await server.gql(PLAN, { steps })
    const refused = (data as unknown as { plan: { userErrors: { field: string[] }[] } }).plan.userErrors.map(({ field }) =>
      Number(field[1]),
    )
    expect(refused).toEqual([2, 4, 6, 7, 8, 9])
    expect(look).toHaveBeenCalledTimes(snapshot.table('RateLimitRule').size + ids.length)
  })
})

describe('a log that is shortened while somebody looks back', () => {
  afterEach(() => vi.restoreAllMocks())

  /** Takes away all but the newest revision. */
  async function shorten(): Promise<void> {
    const { database, settings } = server.services
    const clock = { now: () => new Date(Date.now() + 10 * 86_400_000), monotonicMs: () => 0 }
    const log = createLog(settings, { write: () => undefined })
    await new Retention({ database, clock, log, days: { changes: 3, auditEvents: 0 }, auditKey: settings.auditKey }).run()
  }

  async function changedTwice(): Promise<number> {
    const first = await apply({ setConfig: { key: 'moving', value: 1 } })
    await apply({ setConfig: { key: 'moving', value: 2 } })
    await apply({ setConfig: { key: 'moving', value: 3 } })
    return first
  }

  it.each([
    ['exportState', (from: number) => `{ exportState(atRevision: ${from}) { state } }`],
    ['compareRevisions', (from: number) => `{ compareRevisions(from: ${from}) { action } }`],
  ])('is told by %s, rather than an answer without what is gone', async (_, queryOf) => {
    const from = await changedTwice()
    const { changeLog } = server.services
    const imagesOf = changeLog.imagesOf.bind(changeLog)
    vi.spyOn(changeLog, 'imagesOf').mockImplementationOnce(async (places) => {
      await shorten()
      return imagesOf(places)
    })
    const { errors } = await server.gql(queryOf(from))
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', oldestRevision: from + 1 })
  })

  it('is told by restoreObject, which changes nothing', async () => {
    const from = await changedTwice()
    const { database } = server.services
    const ask = database.ask.bind(database)
    const asking = vi.spyOn(database, 'ask').mockImplementation(async (text, values) => {
      if (text.includes('AS fixed')) {
        asking.mockRestore()
        await shorten()
      }
      return ask(text, values)
    })
    const { userErrors, revision } = await restore({ targetType: 'ConfigEntry', targetKey: 'moving', revision: from })
    expect([placesOf(userErrors), revision]).toEqual([[['NOT_FOUND', 'revision']], null])
  })
})
