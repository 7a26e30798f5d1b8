import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Role } from '../../src/core/contract/caller.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer
const keys = new Map<Role, string>()

beforeAll(async () => {
  server = await startTestServer()
  for (const role of ['EVALUATOR', 'OBSERVER', 'OPERATOR'] as const) keys.set(role, (await server.addClient({ role, name: role })).key)
  await server.gql(`mutation {
    setFeatureFlag(input: { key: "beta", strategies: [
      { constraints: [{ contextField: "customerTier", operator: IN, values: ["gold"] }], rolloutPercent: 100 },
      { rolloutPercent: 12.5, stickiness: "accountNumber" }
    ] }) { revision }
    setConfig(input: { key: "limits", value: 1, isMutable: false }) { revision }
    updateSystemVersion(input: { notes: "frozen" }) { revision }
  }`)
})
afterAll(() => server.close())

const as = (role: Role, query: string, variables?: Record<string, unknown>) => server.gql(query, variables, { key: keys.get(role) ?? null })

describe('an OBSERVER', () => {
  it('plans what it could not do, and nothing comes of it', async () => {
    const steps = [{ setFeatureFlag: { key: 'beta', isEnabled: false } }, { deactivateApiClient: { id: 'nobody' } }]
    const plan =
      'query ($steps: [AdminStepInput!]!) { plan(steps: $steps) { plan { step targetKey action } plannedAtRevision userErrors { code field } } }'
    const { data } = await as('OBSERVER', plan, { steps: steps.slice(0, 1) })
    expect(data?.['plan']).toMatchObject({ plan: [{ step: 0, targetKey: 'beta', action: 'UPDATE' }], userErrors: [] })
    const faulty = await as('OBSERVER', plan, { steps })
    expect(faulty.data?.['plan']).toMatchObject({
      plan: [],
      userErrors: [{ code: 'NOT_FOUND', field: ['steps', '1', 'deactivateApiClient', 'id'] }],
    })
    expect((await as('OBSERVER', '{ featureFlag(key: "beta") { isEnabled version } }')).data).toEqual({
      featureFlag: { isEnabled: true, version: 1 },
    })
    expect((await as('EVALUATOR', plan, { steps })).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
    const run = await as(
      'OBSERVER',
      'mutation { runAdminOperation(input: { dryRun: true, steps: [{ deleteConfig: { key: "x" } }] }) { revision } }',
    )
    expect(run.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
  })

  it('reads the security snapshot, and what people call a client stands in its changes', async () => {
    const { data } = await as(
      'OBSERVER',
      '{ securitySnapshot { activeClients } changes(filter: { targetType: "ApiClient" }) { nodes { targetKey } } }',
    )
    expect(data).toMatchObject({ securitySnapshot: { activeClients: 4 } })
    const { changes } = data as unknown as { changes: { nodes: { targetKey: string }[] } }
    expect(changes.nodes.map(({ targetKey }) => targetKey).slice(0, 3)).toEqual(['OPERATOR', 'OBSERVER', 'EVALUATOR'])
  })
})

describe('an EVALUATOR', () => {
  it('reads the system status, but not how the replica is doing nor who changed it', async () => {
    const query = '{ systemStatus { version notes extra lastChange { actor { name } } } }'
    const status = { version: '1.0.0', notes: 'frozen' }
    expect((await as('EVALUATOR', query)).data).toEqual({ systemStatus: { ...status, extra: {}, lastChange: null } })
    expect((await as('OBSERVER', query)).data).toMatchObject({
      systemStatus: { ...status, extra: { isDatabaseReachable: true }, lastChange: { actor: { name: expect.any(String) } } },
    })
  })

  it('is told of no rule of a flag, while those who may read flags are', async () => {
    const query = `query ($context: EvaluationContextInput) {
      evaluateFlag(key: "beta", context: $context) { reason isEnabled explanation }
      evaluateFlags(keys: ["beta"], context: $context) { explanation }
    }`
    const contexts = [{}, { properties: { customerTier: 'gold' } }, { properties: { accountNumber: '7' } }]
    const told = async (role: Role) =>
      JSON.stringify(await Promise.all(contexts.map(async (context) => (await as(role, query, { context })).data)))
    expect(await told('EVALUATOR')).not.toMatch(/customerTier|accountNumber|gold|12\.5|constraint|rollout|IN on|of 2|strategy 1/)
    expect(await told('EVALUATOR')).toMatch(/No strategy of the flag matched.*A strategy of the flag matched/)
    expect(await told('OBSERVER')).toMatch(/customerTier.*accountNumber/)
  })
})

describe('an OPERATOR', () => {
  it('may set a locked entry to what it is, which changes nothing, and to nothing else', async () => {
    const set = (input: object) =>
      as(
        'OPERATOR',
        'mutation ($input: SetConfigInput!) { setConfig(input: $input) { configEntry { version } revision userErrors { code } } }',
        {
          input: { key: 'limits', ...input },
        },
      )
    const same = { setConfig: { configEntry: { version: 1 }, revision: null, userErrors: [] } }
    expect((await set({ value: 1 })).data).toEqual(same)
    expect((await set({ value: 1, isMutable: false, description: null })).data).toEqual(same)
    for (const other of [{ value: 2 }, { isMutable: true }, { description: 'new' }])
      expect((await set(other)).data).toEqual({ setConfig: { configEntry: null, revision: null, userErrors: [{ code: 'IMMUTABLE' }] } })
  })

  it('sends a thousand steps in one body that is larger than others may send', async () => {
    const value = 'x'.repeat(1_200)
    const steps = Array.from({ length: 1_000 }, (_, index) => ({ setConfig: { key: `big/${index}`, value } }))
    const run = 'mutation ($input: RunAdminOperationInput!) { runAdminOperation(input: $input) { revision userErrors { code message } } }'
    const { data, status } = await as('OPERATOR', run, { input: { steps, idempotencyKey: 'once' } })
    expect([status, data?.['runAdminOperation']]).toEqual([200, { revision: expect.any(Number), userErrors: [] }])
    expect((await as('OBSERVER', '{ configs(filter: { prefix: "big/" }) { totalCount } }')).data).toEqual({
      configs: { totalCount: 1_000 },
    })
    expect((await as('OPERATOR', run, { input: { steps, idempotencyKey: 'once' } })).data).toEqual(data)
    const plan = await as('OBSERVER', 'query ($steps: [AdminStepInput!]!) { plan(steps: $steps) { plannedAtRevision } }', { steps })
    expect(plan.status).toBe(413)
    const many = await as('OPERATOR', run, { input: { steps: [...steps, ...steps.slice(0, 1)] } })
    expect(many.errors?.[0]).toMatchObject({ message: 'An admin operation has 1 to 1000 steps, this one has 1001.' })
  })

  it('unlocks, notes and completes as steps of one operation', async () => {
    const steps = [
      { setConfig: { key: 'frozen', value: 1, isMutable: false } },
      { unlockConfig: { key: 'frozen', reason: 'it has to change' } },
      { setConfig: { key: 'frozen', value: 2 } },
      { updateSystemVersion: { version: '1.1.0', reason: 'release' } },
      { markBackendComplete: { notes: 'done' } },
    ]
    const run =
      'mutation ($steps: [AdminStepInput!]!) { runAdminOperation(input: { steps: $steps }) { plan { step targetKey } userErrors { code } } }'
    expect((await server.gql(run, { steps })).data).toEqual({
      runAdminOperation: {
        plan: [
          { step: 2, targetKey: 'frozen' },
          { step: 4, targetKey: 'system' },
        ],
        userErrors: [],
      },
    })
    expect((await as('OPERATOR', run, { steps })).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
    expect((await server.gql('{ systemStatus { version backendComplete notes } }')).data).toEqual({
      systemStatus: { version: '1.1.0', backendComplete: true, notes: 'done' },
    })
    expect((await server.gql('mutation { updateSystemVersion(input: {}) { userErrors { code field } } }')).data).toEqual({
      updateSystemVersion: { userErrors: [{ code: 'REQUIRED', field: ['version'] }] },
    })
  })
})
