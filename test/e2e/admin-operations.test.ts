import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GraphQLAnswer, type RequestOptions, startTestServer, type TestServer } from '../testkit/server.js'

const RUN = `mutation ($input: RunAdminOperationInput!) {
  runAdminOperation(input: $input) {
    plan { step targetType targetId action before after } plannedAtRevision revision wasReverted
    changes { id revision targetType targetId action before after operation reason correlationId isRevertible }
    userErrors { code message field }
  }
}`
const REVERT = `mutation ($input: RevertRevisionInput!) {
  revertRevision(input: $input) { plan { targetType action before after } changes { revision targetType action } revision userErrors { code message field } }
}`
const STATE = `{
  featureFlags(first: 100) { nodes { key isEnabled group description strategies { rolloutPercent } variants { name weight value } } }
  configs(first: 100) { nodes { key value description isMutable valueSchema } }
  rateLimitRules(first: 100) { nodes { scope key windowSeconds maxRequests isEnabled isShadow description } }
  maintenanceState { switchMode reason expiresAt }
  maintenanceWindows(first: 100) { nodes { startsAt endsAt mode description isActive } }
  apiClients(first: 100) { nodes { name role isActive expiresAt } }
}`

interface Operation {
  plan: { step: number; targetType: string; targetId: string; action: string; before: unknown; after: Record<string, unknown> | null }[]
  plannedAtRevision: number
  revision: number | null
  wasReverted: boolean
  changes: {
    id: string
    revision: number
    targetType: string
    targetId: string
    action: string
    before: unknown
    after: Record<string, unknown> | null
    operation: string
    reason: string | null
    correlationId: string
    isRevertible: boolean
  }[]
  userErrors: { code: string; message: string; field: string[] }[]
}

let server: TestServer
let helper: { client: { id: string }; key: string }

beforeAll(async () => {
  server = await startTestServer()
  helper = await server.addClient({ role: 'OBSERVER', name: 'helper' })
  await server.gql('mutation { setFeatureFlag(input: { key: "checkout", description: "old" }) { revision } }')
  await server.gql('mutation { setConfig(input: { key: "limits/checkout", value: { max: 10 } }) { revision } }')
})

afterAll(() => server.close())

async function run(input: object, options: RequestOptions = {}): Promise<Operation> {
  const answer = await server.gql(RUN, { input }, options)
  expect(answer.errors).toBe(undefined)
  return (answer.data as unknown as { runAdminOperation: Operation }).runAdminOperation
}

async function revert(input: object): Promise<Pick<Operation, 'plan' | 'changes' | 'revision' | 'userErrors'>> {
  const answer = await server.gql(REVERT, { input })
  expect(answer.errors).toBe(undefined)
  return (answer.data as unknown as { revertRevision: Operation }).revertRevision
}

const state = async (): Promise<unknown> => (await server.gql(STATE)).data
const code = ({ errors }: GraphQLAnswer): unknown => errors?.[0]?.extensions?.['code']

/** Six steps over five packs, as in an incident. */
const incident = () => [
  { setFeatureFlag: { key: 'checkout', isEnabled: false } },
  { setConfig: { key: 'limits/checkout', value: { max: 1 } } },
  { setConfig: { key: 'limits/search', value: 5 } },
  { setRateLimitRule: { scope: 'GLOBAL', maxRequests: 100_000, windowSeconds: 60, isShadow: true } },
  { scheduleMaintenanceWindow: { startsAt: '2099-01-01T00:00:00.000Z', endsAt: '2099-01-01T02:00:00.000Z', mode: 'READ_ONLY' } },
  { deactivateApiClient: { id: helper.client.id } },
]

/** What a plan and a log have in common: times and new ids differ. */
const essence = (changes: { targetType: string; action: string; before: unknown; after: Record<string, unknown> | null }[]) =>
  changes.map(({ targetType, action, before, after }) => ({
    targetType,
    action,
    before,
    after: after && {
      ...after,
      updatedAt: null,
      createdAt: action === 'CREATE' ? null : after['createdAt'],
      id: action === 'CREATE' ? null : after['id'],
    },
  }))

describe('an incident, handled as one operation', () => {
  it('is planned, applied as planned under one revision, refused when stale, and put back exactly', async () => {
    const before = await state()
    const plan = await run({ dryRun: true, steps: incident() })
    expect(plan).toMatchObject({ revision: null, changes: [], userErrors: [], wasReverted: false })
    expect(plan.plan.map(({ step, targetType, action }) => [step, targetType, action])).toEqual([
      [0, 'FeatureFlag', 'UPDATE'],
      [1, 'ConfigEntry', 'UPDATE'],
      [2, 'ConfigEntry', 'CREATE'],
      [3, 'RateLimitRule', 'CREATE'],
      [4, 'MaintenanceWindow', 'CREATE'],
      [5, 'ApiClient', 'UPDATE'],
    ])
    expect(await state()).toEqual(before)

    // A plan on other objects, and one on the same, both made before.
    const elsewhere = { plannedAtRevision: plan.plannedAtRevision, steps: [{ setFeatureFlag: { key: 'elsewhere' } }] }
    const applied = await run({ steps: incident(), plannedAtRevision: plan.plannedAtRevision, reason: 'incident 7' })
    expect(applied.userErrors).toEqual([])
    expect(applied.revision).toBe(plan.plannedAtRevision + 1)
    expect(applied.changes.length).toBe(6)
    expect(
      new Set(
        applied.changes.map(({ revision, correlationId, reason, operation }) => `${revision} ${correlationId} ${reason} ${operation}`),
      ).size,
    ).toBe(1)
    expect(essence(applied.changes)).toEqual(essence(plan.plan))

    const stale = await run({
      steps: [{ setFeatureFlag: { key: 'checkout', isEnabled: true } }],
      plannedAtRevision: plan.plannedAtRevision,
    })
    expect(stale).toMatchObject({
      revision: null,
      userErrors: [{ code: 'STALE_PLAN', message: expect.stringContaining('FeatureFlag checkout') }],
    })
    expect((await run(elsewhere)).userErrors).toEqual([])
    await server.gql('mutation { deleteFeatureFlag(input: { key: "elsewhere" }) { revision } }')

    const dry = await revert({ revision: applied.revision, dryRun: true })
    expect(dry.plan.length).toBe(6)
    const reverted = await revert({ revision: applied.revision })
    expect(reverted).toMatchObject({ userErrors: [], revision: (applied.revision ?? 0) + 3 })
    expect(await state()).toEqual(before)
    expect((await server.gql('{ viewer { role } }', {}, { key: helper.key })).status).toBe(200)
  })

  it('a revert over a later edit is refused naming the object, and changes nothing', async () => {
    const applied = await run({ steps: [{ setFeatureFlag: { key: 'a' } }, { setFeatureFlag: { key: 'b' } }] })
    await server.gql('mutation { setFeatureFlag(input: { key: "b", description: "edited later" }) { revision } }')
    const refused = await revert({ revision: applied.revision })
    expect(refused).toMatchObject({
      revision: null,
      userErrors: [{ code: 'INVALID_STATE', message: expect.stringContaining('FeatureFlag b') }],
    })
    expect((await server.gql('{ featureFlag(key: "a") { key } }')).data).toEqual({ featureFlag: { key: 'a' } })
  })

  it('every fault of every step is reported with its place, and nothing is done', async () => {
    const before = await state()
    const refused = await run({
      steps: [
        { setFeatureFlag: { key: 'fine' } },
        { setFeatureFlag: { key: 'NOT A KEY' } },
        { setConfig: { key: 'x' } },
        { deleteConfig: { key: 'missing' } },
        { setFeatureFlag: { key: 'checkout', expectedVersion: 99 } },
      ],
    })
    expect(refused.userErrors.map(({ code, field }) => [code, field.slice(0, 3).join('.')])).toEqual([
      ['INVALID', 'steps.1.setFeatureFlag'],
      ['REQUIRED', 'steps.2.setConfig'],
      ['NOT_FOUND', 'steps.3.deleteConfig'],
      ['STALE_VERSION', 'steps.4.setFeatureFlag'],
    ])
    expect(await state()).toEqual(before)
  })

  it('later steps see what earlier ones did, and one object is one change', async () => {
    const applied = await run({
      steps: [{ setFeatureFlag: { key: 'twice' } }, { setFeatureFlag: { key: 'twice', isEnabled: false, expectedVersion: 1 } }],
    })
    expect(applied.plan.map(({ step, action }) => [step, action])).toEqual([[1, 'CREATE']])
    expect(applied.changes).toMatchObject([{ action: 'CREATE', after: { isEnabled: false, version: 2 } }])
    const nothing = await run({ steps: [{ setFeatureFlag: { key: 'passing' } }, { deleteFeatureFlag: { key: 'passing' } }] })
    expect(nothing).toMatchObject({ revision: null, changes: [], userErrors: [] })
  })

  it('needs the permission of every step; an operation is no way around it', async () => {
    const operator = await server.addClient({ role: 'OPERATOR', name: 'operator' })
    const answer = await server.gql(
      RUN,
      { input: { steps: [{ setFeatureFlag: { key: 'x' } }, { deactivateApiClient: { id: helper.client.id } }] } },
      { key: operator.key },
    )
    expect([answer.status, code(answer)]).toEqual([403, 'FORBIDDEN'])
    expect((await server.gql('{ featureFlag(key: "x") { key } }')).data).toEqual({ featureFlag: null })
    const deactivated = await run({ steps: [{ deactivateApiClient: { id: helper.client.id } }] })
    const back = await server.gql(REVERT, { input: { revision: deactivated.revision } }, { key: operator.key })
    expect([back.status, code(back)]).toEqual([403, 'FORBIDDEN'])
    expect((await revert({ revision: deactivated.revision })).userErrors).toEqual([])
    const locked = await run({ steps: [{ setConfig: { key: 'locked', value: 1 } }] })
    const lock = await run({ steps: [{ setConfig: { key: 'locked', isMutable: false } }] }, { key: operator.key })
    expect(locked.userErrors.concat(lock.userErrors)).toEqual([])
    const unlock = await server.gql(REVERT, { input: { revision: lock.revision } }, { key: operator.key })
    expect([unlock.status, code(unlock)]).toEqual([403, 'FORBIDDEN'])
  })

  it('no step passes in READ_ONLY, whatever it stands for', async () => {
    await server.gql('mutation { setMaintenanceMode(input: { mode: READ_ONLY }) { revision } }')
    for (const step of [{ setFeatureFlag: { key: 'x' } }, { setMaintenanceMode: { mode: 'NORMAL' } }]) {
      const refused = await server.gql(RUN, { input: { steps: [step] } })
      expect([refused.status, code(refused)]).toEqual([503, 'MAINTENANCE'])
    }
    await server.gql('mutation { setMaintenanceMode(input: { mode: NORMAL }) { revision } }')
  })

  it('the same idempotency key gives the first answer again, another input is refused', async () => {
    const input = { steps: [{ setFeatureFlag: { key: 'once', description: 'x' } }], idempotencyKey: 'incident-1' }
    const first = await run(input)
    const again = await run(input)
    expect(again).toEqual(first)
    expect(code(await server.gql(RUN, { input: { ...input, steps: [{ setFeatureFlag: { key: 'other' } }] } }))).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    )
  })

  it('a step has exactly one field, an operation 1 to 100 steps, and a plan no future', async () => {
    expect((await server.gql(RUN, { input: { steps: [{}] } })).status).toBe(400)
    expect((await server.gql(RUN, { input: { steps: [{ setFeatureFlag: { key: 'x' }, deleteFeatureFlag: { key: 'x' } }] } })).status).toBe(
      400,
    )
    expect(code(await server.gql(RUN, { input: { steps: [] } }))).toBe('BAD_USER_INPUT')
    expect((await run({ steps: [{ setFeatureFlag: { key: 'x' } }], plannedAtRevision: 999_999 })).userErrors).toMatchObject([
      { code: 'INVALID', field: ['plannedAtRevision'] },
    ])
    expect((await revert({ revision: 999_999 })).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
  })

  it('a revert leads to no state that a command could not: no second rule for one subject', async () => {
    const made = await run({ steps: [{ setRateLimitRule: { scope: 'IP', isShadow: true } }] })
    const deleted = await run({ steps: [{ deleteRateLimitRule: { id: made.changes[0]?.targetId } }] })
    await run({ steps: [{ setRateLimitRule: { scope: 'IP', isShadow: true } }] })
    expect((await revert({ revision: deleted.revision })).userErrors).toMatchObject([
      { code: 'INVALID_STATE', message: expect.stringContaining('IP *') },
    ])
  })

  it('what cannot be put back is refused: registrations', async () => {
    const registered = await server.gql(
      'mutation { registerApiClient(input: { name: "new", clientType: SCRIPT, role: OBSERVER }) { revision userErrors { message } } }',
    )
    const { revision } = (registered.data as unknown as { registerApiClient: { revision: number } }).registerApiClient
    expect((await revert({ revision })).userErrors).toMatchObject([
      { code: 'INVALID_STATE', message: expect.stringContaining('cannot be put back') },
    ])
  })
})

describe('an operation guarded by the smoke test', () => {
  const GUARDED = `mutation ($input: RunAdminOperationInput!) {
    runAdminOperation(input: $input) { revision wasReverted smokeTestRun { id isOk results { name status error } } changes { id } userErrors { message } }
  }`
  interface Guarded {
    revision: number
    wasReverted: boolean
    smokeTestRun: { id: string; isOk: boolean; results: { name: string; status: string; error: string | null }[] }
    changes: unknown[]
    userErrors: unknown[]
  }
  const guarded = async (steps: object[]): Promise<Guarded> => {
    const answer = await server.gql(GUARDED, { input: { steps, guardWithSmokeTest: true, reason: 'guarded' } })
    expect(answer.errors).toBe(undefined)
    return (answer.data as unknown as { runAdminOperation: Guarded }).runAdminOperation
  }

  it('stays when every check passes', async () => {
    const kept = await guarded([{ setFeatureFlag: { key: 'checkout', description: 'proved' } }])
    expect(kept.smokeTestRun.results.filter(({ status }) => status === 'FAILED')).toEqual([])
    expect(kept).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
    expect((await server.gql('{ featureFlag(key: "checkout") { description } }')).data).toEqual({ featureFlag: { description: 'proved' } })
  })

  it('that breaks a custom blocking check puts itself back: two revisions, and the failed run as the reason', async () => {
    const check = {
      name: 'checkout-is-on',
      kind: 'GRAPHQL',
      query: '{ isFeatureEnabled(key: "checkout") }',
      expectBody: { data: { isFeatureEnabled: true } },
    }
    const set = await server.gql('mutation ($input: SetSmokeCheckInput!) { setSmokeCheck(input: $input) { userErrors { message } } }', {
      input: check,
    })
    expect(set.data).toEqual({ setSmokeCheck: { userErrors: [] } })
    const before = await state()
    const broken = await guarded([
      { setFeatureFlag: { key: 'checkout', isEnabled: false } },
      { setConfig: { key: 'limits/checkout', value: 0 } },
    ])
    expect(broken).toMatchObject({ wasReverted: true, smokeTestRun: { isOk: false }, userErrors: [] })
    expect(broken.smokeTestRun.results.filter(({ status }) => status === 'FAILED').map(({ name }) => name)).toEqual(['checkout-is-on'])
    expect(await state()).toEqual(before)
    const log = await server.gql(
      'query ($since: Int!) { changes(filter: { sinceRevision: $since }) { nodes { revision operation targetType reason } } }',
      { since: broken.revision - 1 },
    )
    const revisions = (
      log.data as unknown as { changes: { nodes: { revision: number; operation: string; targetType: string; reason: string }[] } }
    ).changes.nodes
    expect(revisions.map(({ revision, operation, targetType }) => [revision - broken.revision, operation, targetType])).toEqual([
      [1, 'revertRevision', 'GuardedOperation'],
      [1, 'revertRevision', 'FeatureFlag'],
      [1, 'revertRevision', 'ConfigEntry'],
      [0, 'runAdminOperation', 'GuardedOperation'],
      [0, 'runAdminOperation', 'ConfigEntry'],
      [0, 'runAdminOperation', 'FeatureFlag'],
    ])
    expect(broken.changes.length).toBe(2)
    expect(revisions[0]?.reason).toContain(`${broken.smokeTestRun.id} failed: checkout-is-on`)
  })
})

describe('the security snapshot and the audit integrity', () => {
  it('tell counts, findings, and an intact log', async () => {
    const answer = await server.gql(
      '{ securitySnapshot { activeClients activeAdmins maintenanceMode isIntrospectionOpen auditIntegrity { isIntact checkedRevisions headRevision } findings { severity code message } } auditIntegrity { isIntact headRevision } }',
    )
    expect(answer.errors).toBe(undefined)
    const { securitySnapshot: snapshot, auditIntegrity } = answer.data as unknown as {
      securitySnapshot: {
        activeAdmins: number
        maintenanceMode: string
        isIntrospectionOpen: boolean
        auditIntegrity: { checkedRevisions: number }
        findings: { code: string }[]
      }
      auditIntegrity: { isIntact: boolean; headRevision: number }
    }
    expect(snapshot).toMatchObject({
      activeAdmins: 1,
      maintenanceMode: 'NORMAL',
      isIntrospectionOpen: false,
      auditIntegrity: { isIntact: true },
    })
    expect(snapshot.findings.map(({ code: found }) => found)).toEqual(
      expect.arrayContaining(['NO_PEPPER', 'NO_AUDIT_KEY', 'ADMIN_KEY_WITHOUT_EXPIRY', 'NO_RATE_LIMIT']),
    )
    expect(auditIntegrity).toEqual({ isIntact: true, headRevision: snapshot.auditIntegrity.checkedRevisions })
  })

  it('name the first revision that was tampered with', async () => {
    await server.services.database.ask("UPDATE changes SET reason = 'forged' WHERE revision = 4")
    const integrity = await server.gql('{ auditIntegrity { isIntact firstBrokenRevision } }')
    expect(integrity.data).toEqual({ auditIntegrity: { isIntact: false, firstBrokenRevision: 4 } })
    // A snapshot looks at what is new, and again at what was broken.
    const answer = await server.gql('{ securitySnapshot { findings { severity code } } }')
    expect(answer.data).toMatchObject({
      securitySnapshot: { findings: [{ severity: 'CRITICAL', code: 'CHAIN_BROKEN' }, {}, {}, {}, {}] },
    })
  })
})
