import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type GraphQLAnswer, startTestServer, type TestServer } from '../testkit/server.js'

/** The commands of the runbook by their names. */
const COMMANDS = new Map(
  [...readFileSync('docs/operations.md', 'utf8').matchAll(/```graphql\n((?:query|mutation) (\w+)[\s\S]*?)```/g)].map(
    ([, document = '', name = '']) => [name, document] as const,
  ),
)

const DONE = { revision: expect.any(Number), userErrors: [] }

/** A root field of an answer. */
const rootOf = <T>({ data }: Pick<GraphQLAnswer, 'data'>, field: string): T => (data as unknown as Record<string, T>)[field] as T

let server: TestServer
let places: Record<string, string>
/** The commands that have been run. */
const ran = new Set<string>()

/** Runs a command of the runbook, filled in. */
function run(name: string, changes: (document: string) => string = (document) => document): Promise<GraphQLAnswer> {
  ran.add(name)
  const document = COMMANDS.get(name) ?? ''
  return server.gql(changes(Object.entries(places).reduce((text, [place, value]) => text.replaceAll(place, value), document)))
}

async function lockDown(): Promise<void> {
  const { data, errors } = await run('LockDown')
  expect([errors, data?.['runAdminOperation']]).toEqual([undefined, DONE])
  const { revision } = rootOf<{ revision: number }>({ data }, 'runAdminOperation')
  Object.assign(places, { LOCKDOWN_REVISION: String(revision), BEFORE_LOCKDOWN: String(revision - 1) })
}

const STATE = '{ maintenanceState { mode } apiClients { nodes { name isActive } } rateLimitRules { nodes { id maxRequests } } }'

/** The mode, the names of the clients that are out, and the limits. */
async function state() {
  const { data } = await server.gql(STATE)
  const { maintenanceState, apiClients, rateLimitRules } = data as unknown as {
    maintenanceState: { mode: string }
    apiClients: { nodes: { name: string; isActive: boolean }[] }
    rateLimitRules: { nodes: { id: string; maxRequests: number }[] }
  }
  const out = apiClients.nodes.filter(({ isActive }) => !isActive).map(({ name }) => name)
  return { mode: maintenanceState.mode, out: out.sort(), limits: rateLimitRules.nodes.map(({ maxRequests }) => maxRequests) }
}

beforeEach(async () => {
  server = await startTestServer()
  const clients = await Promise.all(['a', 'b', 'c', 'd'].map((name) => server.addClient({ name, role: 'OPERATOR' })))
  places = Object.fromEntries(clients.map(({ client }, index) => [`CLIENT_${index + 1}`, client.id]))
  await server.gql(
    'mutation { setFeatureFlag(input: { key: "payments" }) { revision } setRateLimitRule(input: { scope: IP, maxRequests: 5000 }) { revision } }',
  )
  const { data } = await server.gql('{ rateLimitRules { nodes { id } } }')
  const rules = data as unknown as { rateLimitRules: { nodes: { id: string }[] } }
  Object.assign(places, { FLAG: 'payments', RULE: rules.rateLimitRules.nodes[0]?.id })
})
afterEach(() => server.close())

describe('a lockdown', () => {
  it('is undone as one while it is in force', async () => {
    await lockDown()
    expect(await state()).toEqual({ mode: 'MAINTENANCE', out: ['a', 'b', 'c', 'd'], limits: [600] })
    const without = await run('UndoAll', (document) => document.replace(', overrideMaintenance: true', ''))
    expect(without.errors?.[0]?.extensions).toMatchObject({ code: 'MAINTENANCE' })
    expect((await run('UndoAll')).data?.['revertRevision']).toMatchObject(DONE)
    expect(await state()).toEqual({ mode: 'NORMAL', out: [], limits: [5000] })
  })

  it('is looked into, let in from, and undone in part once something has moved, by the commands of the runbook', async () => {
    await lockDown()
    expect((await run('Look')).errors).toBe(undefined)
    expect((await run('PlanKillSwitch')).data?.['plan']).toMatchObject({
      plan: [{ targetType: 'FeatureFlag', targetKey: 'payments', action: 'UPDATE', after: { isEnabled: false } }],
      userErrors: [],
    })
    expect((await run('KillSwitch')).data?.['runAdminOperation']).toEqual(DONE)
    expect((await server.gql('{ isFeatureEnabled(key: "payments") }')).data).toEqual({ isFeatureEnabled: false })
    expect((await run('LetBackIn')).data?.['revertRevision']).toEqual(DONE)
    expect((await state()).out).toEqual(['b', 'c', 'd'])
    const again = await run('LetInWithNewKey')
    expect(again.data).toMatchObject({ rotateApiKey: { userErrors: [] }, runAdminOperation: DONE })
    expect((await state()).out).toEqual(['c', 'd'])
    expect((await run('BackToNormal')).data?.['setMaintenanceMode']).toEqual({ maintenanceState: { mode: 'NORMAL' }, userErrors: [] })
    const { userErrors } = rootOf<{ userErrors: { code: string }[] }>(await run('UndoAll'), 'revertRevision')
    expect(userErrors.map(({ code }) => code)).toEqual(['INVALID_STATE', 'INVALID_STATE', 'INVALID_STATE'])
    const { nodes } = rootOf<{ nodes: { targetKey: string }[] }>(await run('WhatItChanged'), 'changes')
    expect(nodes.map(({ targetKey }) => targetKey)).toEqual(['IP *', 'd', 'c', 'b', 'a', 'maintenance'])
    expect((await run('UndoTheRest')).data?.['revertRevision']).toEqual(DONE)
    expect(await state()).toEqual({ mode: 'NORMAL', out: [], limits: [5000] })
    const { maintenanceState, auditEvents } = (await run('Afterwards')).data as unknown as {
      maintenanceState: object
      auditEvents: { nodes: { code: string; outcome: string; detail: { count: number } }[] }
    }
    expect(maintenanceState).toEqual({ mode: 'NORMAL', switchMode: 'NORMAL' })
    const overrides = auditEvents.nodes.flatMap(({ code, outcome, detail }) => Array<string>(detail.count).fill(`${code} ${outcome}`))
    expect(overrides).toEqual(Array(3).fill('MAINTENANCE_OVERRIDDEN SUCCEEDED'))
  })

  it('has no command in its runbook that was not run here', () => {
    expect([...ran].sort()).toEqual([...COMMANDS.keys()].sort())
  })

  it('lets a guarded operation through, which is proved as ever', async () => {
    await lockDown()
    const { data } = await run('KillSwitch', (document) =>
      document
        .replace('overrideMaintenance: true', 'overrideMaintenance: true, guardWithSmokeTest: true')
        .replace('revision', 'revision wasReverted'),
    )
    expect(data?.['runAdminOperation']).toEqual({ ...DONE, wasReverted: false })
    expect((await server.gql('{ isFeatureEnabled(key: "payments") }')).data).toEqual({ isFeatureEnabled: false })
  })

  it('is passed by nobody without a reason, and by nobody who may not override it', async () => {
    await lockDown()
    const bare = (input: string) =>
      `mutation { runAdminOperation(input: { ${input} steps: [{ setFeatureFlag: { key: "x" } }] }) { userErrors { code field } } }`
    const noReason = await server.gql(bare('overrideMaintenance: true, reason: " "'))
    expect(noReason.data?.['runAdminOperation']).toEqual({ userErrors: [{ code: 'REQUIRED', field: ['reason'] }] })
    expect((await server.gql(bare(''))).errors?.[0]?.extensions).toMatchObject({ code: 'MAINTENANCE' })
    const { key } = await server.addClient({ name: 'observer', role: 'OBSERVER', clientType: 'HEIMDALL' })
    const refused = await server.gql(bare('overrideMaintenance: true, reason: "let me"'), {}, { key })
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('a revert of a part', () => {
  it('names what the revision has not changed, and wants something named', async () => {
    await lockDown()
    const faultsOf = async (targetIds: string) => {
      const answer = await run('LetBackIn', (document) => document.replace(/targetIds: \[.*\]/, `targetIds: ${targetIds}`))
      return rootOf<{ userErrors: object[] }>(answer, 'revertRevision').userErrors
    }
    expect(await faultsOf(`["${places['CLIENT_1']}", "no-such-id"]`)).toMatchObject([{ code: 'NOT_FOUND', field: ['targetIds', '1'] }])
    expect(await faultsOf('[]')).toMatchObject([{ code: 'REQUIRED', field: ['targetIds'] }])
    expect((await state()).out).toEqual(['a', 'b', 'c', 'd'])
  })

  it('can be reverted itself, as a whole and in part', async () => {
    await lockDown()
    const undone = rootOf<{ revision: number }>(await run('LetBackIn'), 'revertRevision')
    Object.assign(places, { LOCKDOWN_REVISION: String(undone.revision) })
    expect((await run('LetBackIn')).data?.['revertRevision']).toEqual(DONE)
    expect((await state()).out).toEqual(['a', 'b', 'c', 'd'])
  })
})
