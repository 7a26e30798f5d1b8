import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { smokeRunner } from '../../src/packs/deployment/index.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { changesOf, onceCommitted, operate, placesOf, revertRevision, type ShownOperation } from '../testkit/admin-operations.js'
import { TESTER } from '../testkit/ledger.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { SmokeTester } from '../testkit/smoke-tester.js'

let server: TestServer
let smoke: SmokeTester

beforeAll(async () => {
  server = await startTestServer()
  smoke = new SmokeTester(server)
  await operate(server, { steps: [{ setFeatureFlag: { key: 'door' } }] })
})

afterEach(async () => {
  await smoke.removeChecks()
  await operate(server, { steps: [{ setFeatureFlag: { key: 'door', isEnabled: true } }] })
})

afterAll(() => server.close())

const doorCheck = (name: string) => ({
  name,
  kind: 'GRAPHQL',
  query: '{ isFeatureEnabled(key: "door") }',
  expectBody: { data: { isFeatureEnabled: true } },
})
/** An operation that closes the door, which a check wants open. */
const closing = (idempotencyKey: string) => ({
  steps: [{ setFeatureFlag: { key: 'door', isEnabled: false } }],
  guardWithSmokeTest: true,
  idempotencyKey,
})
const harmless = (idempotencyKey: string) => ({
  steps: [{ setFeatureFlag: { key: 'door', description: idempotencyKey } }],
  guardWithSmokeTest: true,
  idempotencyKey,
})
const revisionOf = ({ revision }: ShownOperation): number => revision ?? Number.NaN
const isDoorOpen = async () => (await server.gql('{ isFeatureEnabled(key: "door") }')).data?.['isFeatureEnabled']

describe('a repeated guarded operation with the same idempotency key', () => {
  it('gives the first answer again: held, with the run that proved it', async () => {
    const first = await operate(server, harmless('held'))
    expect(first).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
    expect(await operate(server, harmless('held'))).toEqual(first)
  })

  it('gives the first answer again: put back, with the run that failed', async () => {
    await smoke.addCheck(doorCheck('door-is-open'))
    const first = await operate(server, closing('reverted'))
    expect(first).toMatchObject({ wasReverted: true, smokeTestRun: { isOk: false }, userErrors: [] })
    expect(await operate(server, closing('reverted'))).toEqual(first)
  })

  it('gives the first answer again while another smoke test is under way, and no other one begins', async () => {
    const first = await operate(server, harmless('busy'))
    const slot = server.services.once(smokeRunner).reserve()
    try {
      expect(await operate(server, harmless('busy'))).toEqual(first)
      const other = await operate(server, harmless('other'))
      expect(placesOf(other.userErrors)).toEqual([['INVALID_STATE', 'guardWithSmokeTest']])
      expect(other.revision).toBe(null)
    } finally {
      slot?.release()
    }
  })

  it.each(['held', 'put back'])('waits while the first call is being proved, and gives its answer: %s', async (end) => {
    await smoke.addCheck(doorCheck('door-is-open'))
    const input = end === 'held' ? harmless('early') : closing('early-closing')
    const repeated = onceCommitted(server, () => operate(server, input))
    const first = await operate(server, input)
    expect(first).toMatchObject({ wasReverted: end !== 'held', smokeTestRun: { isOk: end === 'held' }, userErrors: [] })
    expect(await repeated).toEqual(first)
  })

  it('is refused with another input', async () => {
    await operate(server, harmless('mine'))
    const answer = await server.gql('mutation ($input: RunAdminOperationInput!) { runAdminOperation(input: $input) { revision } }', {
      input: { ...harmless('mine'), steps: [{ deleteFeatureFlag: { key: 'door' } }] },
    })
    expect(answer.errors?.[0]?.extensions?.['code']).toBe('IDEMPOTENCY_KEY_REUSED')
  })
})

describe('a repeated operation without a guard', () => {
  it('was not reverted by what the same session has reverted since', async () => {
    const session = { headers: { 'x-request-id': 'one-for-the-whole-session' } }
    const input = { steps: [{ setFeatureFlag: { key: 'session' } }], idempotencyKey: 'session' }
    const first = await operate(server, input, session)
    expect((await revertRevision(server, { revision: first.revision }, session)).userErrors).toEqual([])
    expect(await operate(server, input, session)).toEqual(first)
  })
})

describe('what is noted of a guarded operation', () => {
  it('stands in the log, and in no plan and no answer', async () => {
    const steps = [{ setFeatureFlag: { key: 'door', description: 'noted' } }]
    const typesOf = (objects: readonly { readonly targetType: string }[]) => objects.map(({ targetType }) => targetType)
    const { plan } = await operate(server, { dryRun: true, steps, guardWithSmokeTest: true })
    const done = await operate(server, { steps, guardWithSmokeTest: true })
    const logged = await changesOf(server, { sinceRevision: revisionOf(done) - 1 })
    expect([plan, done.plan, done.changes].map(typesOf)).toEqual([['FeatureFlag'], ['FeatureFlag'], ['FeatureFlag']])
    expect(logged.map(({ operation, targetType, reason }) => [operation, targetType, reason])).toEqual([
      ['settleGuardedOperation', 'GuardedOperation', `smoke test ${done.smokeTestRun?.id} passed`],
      ['runAdminOperation', 'GuardedOperation', null],
      ['runAdminOperation', 'FeatureFlag', null],
    ])
  })

  it('is nothing where the operation changes nothing', async () => {
    const done = await operate(server, { steps: [{ setFeatureFlag: { key: 'door' } }], guardWithSmokeTest: true })
    expect(done).toMatchObject({ revision: null, smokeTestRun: null, userErrors: [] })
  })

  it('neither hinders a revert nor is put back by it', async () => {
    const first = await operate(server, harmless('by-hand'))
    const reverted = await revertRevision(server, { revision: first.revision })
    expect(reverted.userErrors).toEqual([])
    expect(reverted.changes.map(({ targetType }) => targetType)).toEqual(['FeatureFlag'])
    expect(await operate(server, harmless('by-hand'))).toEqual(first)
  })

  it('does not hinder the revert of its own revert', async () => {
    await smoke.addCheck(doorCheck('door-is-open'))
    const broken = await operate(server, closing('twice'))
    expect(await isDoorOpen()).toBe(true)
    expect((await revertRevision(server, { revision: revisionOf(broken) + 1 })).userErrors).toEqual([])
    expect(await isDoorOpen()).toBe(false)
    expect(await operate(server, closing('twice'))).toEqual(broken)
  })

  it('is nothing that a revert could put back by itself', async () => {
    const { revision } = await operate(server, harmless('settled'))
    const refused = await revertRevision(server, { revision: (revision ?? 0) + 1 })
    expect(placesOf(refused.userErrors)).toEqual([['NOT_FOUND', 'revision']])
  })
})

describe('a guarded operation that does not hold', () => {
  it('is put back however many checks fail, and whatever they are called', async () => {
    for (let index = 10; index < 25; index += 1) await smoke.addCheck(doorCheck(`door-${index}-${'x'.repeat(90)}`))
    const broken = await operate(server, closing('many'))
    expect(broken).toMatchObject({ wasReverted: true, smokeTestRun: { isOk: false }, userErrors: [] })
    const [revert] = await changesOf(server, { sinceRevision: revisionOf(broken) })
    expect(revert?.operation).toBe('revertRevision')
    expect(revert?.reason).toMatch(/ and 10 more$/)
  })

  it('and cannot be put back says that it is in force and what to do, as its repetition does, and in the log', async () => {
    await smoke.addCheck(doorCheck('door-is-open'))
    const edit = { command: setFeatureFlag, input: { key: 'door', description: 'moved' }, caller: TESTER, correlationId: 'test' }
    const moved = onceCommitted(server, () => server.services.ledger.commit(edit))
    const broken = await operate(server, closing('moved'))
    await moved
    expect(broken).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: false }, changes: [{ targetType: 'FeatureFlag' }] })
    expect(placesOf(broken.userErrors)).toEqual([['INVALID_STATE', 'guardWithSmokeTest']])
    const [message] = broken.userErrors.map((fault) => fault.message)
    for (const part of [
      `Smoke test ${broken.smokeTestRun?.id} failed: door-is-open.`,
      `Revision ${broken.revision} could not be put back, and is in force`,
      'FeatureFlag door has changed since',
      'Run the smoke test',
      `revertRevision(input: { revision: ${broken.revision} })`,
    ])
      expect(message).toContain(part)
    expect(await operate(server, closing('moved'))).toEqual(broken)
    const logged = server.logged.filter(({ level, revision }) => level === 'error' && revision === broken.revision)
    expect(logged).toMatchObject([{ smokeTestRunId: broken.smokeTestRun?.id }])
  })
})
