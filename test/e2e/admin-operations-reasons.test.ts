import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operate, placesOf, RUN_ADMIN_OPERATION, type ShownOperation } from '../testkit/admin-operations.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ VALHALLA_ALLOW_SECRET_VALUES: 'true' })
})

afterAll(() => server.close())

const reasonsOf = ({ changes }: ShownOperation) => changes.map(({ action, reason }) => [action, reason])

describe('the reason of a change that an operation made', () => {
  it("is that of its step, and the operation's where the step has none", async () => {
    const steps = [
      { setFeatureFlag: { key: 'one', reason: 'of step one' } },
      { setFeatureFlag: { key: 'two' } },
      { setFeatureFlag: { key: 'three', reason: ' ' } },
    ]
    expect(reasonsOf(await operate(server, { steps, reason: 'of all' }))).toEqual([
      ['CREATE', 'of step one'],
      ['CREATE', 'of all'],
      ['CREATE', 'of all'],
    ])
    const more = [{ deleteFeatureFlag: { key: 'one' } }, { deleteFeatureFlag: { key: 'two', reason: 'of step two' } }]
    expect(reasonsOf(await operate(server, { steps: more }))).toEqual([
      ['DELETE', null],
      ['DELETE', 'of step two'],
    ])
  })

  it('holds those of all steps that changed the object, once each, as short as a reason has to be', async () => {
    const set = (description: string, reason?: string) => ({ setFeatureFlag: { key: 'many', description, reason } })
    const steps = [set('1', 'first'), set('2', 'second'), set('3', 'first'), set('3', 'changes nothing'), set('4')]
    expect(reasonsOf(await operate(server, { steps, reason: 'of all' }))).toEqual([['CREATE', 'first; second; of all']])
    const long = await operate(server, { steps: [set('5', 'x'.repeat(900)), set('6', 'y'.repeat(900))] })
    expect(long.changes[0]?.reason).toBe(`${'x'.repeat(900)}; ${'y'.repeat(98)}`)
    const anew = [{ deleteFeatureFlag: { key: 'many', reason: 'old' } }, set('7', 'new')]
    expect(reasonsOf(await operate(server, { steps: anew }))).toEqual([
      ['DELETE', 'old'],
      ['CREATE', 'new'],
    ])
  })

  it('that is too long is a fault of its step, among those of the others', async () => {
    const steps = [{ setFeatureFlag: { key: 'long', reason: 'x'.repeat(1_001) } }, { deleteFeatureFlag: { key: 'missing' } }]
    const refused = await operate(server, { steps })
    expect(placesOf(refused.userErrors)).toEqual([
      ['INVALID', 'steps.0.setFeatureFlag.reason'],
      ['NOT_FOUND', 'steps.1.deleteFeatureFlag.key'],
    ])
    expect(refused.userErrors[0]?.message).toContain('at most 1000 characters long, has 1001')
  })

  it('lets a value that looks like a secret be stored, whether the step or the operation gives it', async () => {
    const secret = (key: string) => ({ setConfig: { key, value: 'postgres://admin:Xk29dkL0qPzz@db.internal/prod' } })
    const without = await operate(server, { steps: [secret('url')] })
    expect(placesOf(without.userErrors)).toEqual([['REQUIRED', 'steps.0.setConfig.reason']])
    const stored = await operate(server, { steps: [secret('url')], reason: 'a sample' })
    expect(placesOf(stored.userErrors)).toEqual([])
    expect(reasonsOf(stored)).toEqual([['CREATE', 'a sample']])
  })

  it('of an operation is not shown to everybody who is refused in maintenance', async () => {
    const steps = [{ setMaintenanceMode: { mode: 'NORMAL' } }, { setFeatureFlag: { key: 'calm' } }]
    await operate(server, { steps, reason: 'for the log only' })
    expect((await server.gql('{ maintenanceState { reason } }')).data).toEqual({ maintenanceState: { reason: null } })
  })
})

describe('the same idempotency key', () => {
  it('is of the same input where null stands for what is left out', async () => {
    const step = { key: 'null', description: 'same' }
    const first = await operate(server, { steps: [{ setFeatureFlag: step }], idempotencyKey: 'null' })
    const nulls = { reason: null, plannedAtRevision: null, guardWithSmokeTest: null, dryRun: null }
    const same = { ...nulls, steps: [{ setFeatureFlag: { ...step, reason: null, expectedVersion: null } }], idempotencyKey: 'null' }
    expect(await operate(server, same)).toEqual(first)

    const SCHEDULE = `mutation ($input: ScheduleMaintenanceWindowInput!) {
      scheduleMaintenanceWindow(input: $input) { maintenanceWindow { id } userErrors { code } }
    }`
    const window = { startsAt: '2099-01-01T00:00:00.000Z', endsAt: '2099-01-01T01:00:00.000Z', idempotencyKey: 'null' }
    const scheduled = await server.gql(SCHEDULE, { input: window })
    expect(scheduled.errors).toBe(undefined)
    expect((await server.gql(SCHEDULE, { input: { ...window, reason: null } })).data).toEqual(scheduled.data)
  })

  it('is of another input where null means something', async () => {
    const set = (config: object) => ({
      steps: [{ setConfig: { key: 'clear', value: { reason: null }, ...config } }],
      idempotencyKey: 'clear',
    })
    expect((await operate(server, set({}))).userErrors).toEqual([])
    for (const other of [{ description: null }, { value: {} }]) {
      const { errors } = await server.gql(RUN_ADMIN_OPERATION, { input: set(other) })
      expect(errors?.[0]?.extensions?.['code']).toBe('IDEMPOTENCY_KEY_REUSED')
    }
  })
})
