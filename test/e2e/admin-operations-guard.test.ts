import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { smokeRunner } from '../../src/packs/deployment/index.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { changesOf, operate, placesOf, revertRevision, type ShownOperation } from '../testkit/admin-operations.js'
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
/** Does something as soon as the next operation is committed, before it is probed. */
function onceCommitted<T>(action: () => Promise<T>): Promise<T> {
  return new Promise((resolve) => {
    const stop = server.services.ledger.onCommit(([change]) => {
      if (change?.operation !== 'runAdminOperation') return
      stop()
      resolve(action())
    })
  })
}
const forgetGuards = () => server.services.database.ask("DELETE FROM idempotency_records WHERE operation <> 'runAdminOperation'")
const revisionOf = ({ revision }: ShownOperation): number => revision ?? Number.NaN

describe('a repeated guarded operation with the same idempotency key', () => {
  test('gives the first answer again: held, with the run that proved it', async () => {
    const first = await operate(server, harmless('held'))
    expect(first).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
    expect(await operate(server, harmless('held'))).toEqual(first)
  })

  test('gives the first answer again: put back, with the run that failed', async () => {
    await smoke.addCheck(doorCheck('door-is-open'))
    const first = await operate(server, closing('reverted'))
    expect(first).toMatchObject({ wasReverted: true, smokeTestRun: { isOk: false }, userErrors: [] })
    expect(await operate(server, closing('reverted'))).toEqual(first)
  })

  test('gives the first answer again while another smoke test is under way, and no other one begins', async () => {
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

  test('tells while the first call is being proved that it is, with its revision', async () => {
    const repeated = onceCommitted(() => operate(server, harmless('early')))
    const first = await operate(server, harmless('early'))
    expect(first.userErrors).toEqual([])
    const during = await repeated
    expect(during).toMatchObject({ revision: first.revision, changes: first.changes, wasReverted: false, smokeTestRun: null })
    expect(placesOf(during.userErrors)).toEqual([['INVALID_STATE', 'guardWithSmokeTest']])
    expect(during.userErrors[0]?.message).toContain('still under way')
  })

  test('tells that nobody knows what the guard came to, when its process was cut off, and what to do', async () => {
    const first = await operate(server, harmless('cut-off'))
    await forgetGuards()
    const again = await operate(server, harmless('cut-off'))
    expect(again).toMatchObject({ revision: first.revision, changes: first.changes, wasReverted: false, smokeTestRun: null })
    expect(placesOf(again.userErrors)).toEqual([['INVALID_STATE', 'guardWithSmokeTest']])
    expect(again.userErrors[0]?.message).toContain(`revertRevision(input: { revision: ${first.revision} })`)
    // Somebody follows the advice.
    const reverted = await revertRevision(server, { revision: first.revision })
    const later = await operate(server, harmless('cut-off'))
    expect(later.wasReverted).toBe(true)
    expect(later.userErrors[0]?.message).toContain(`Revision ${reverted.revision} has put it back`)
  })

  test('is refused with another input', async () => {
    await operate(server, harmless('mine'))
    const answer = await server.gql('mutation ($input: RunAdminOperationInput!) { runAdminOperation(input: $input) { revision } }', {
      input: { ...harmless('mine'), steps: [{ deleteFeatureFlag: { key: 'door' } }] },
    })
    expect(answer.errors?.[0]?.extensions?.['code']).toBe('IDEMPOTENCY_KEY_REUSED')
  })
})

describe('a repeated operation without a guard', () => {
  test('was not reverted by what the same session has reverted since', async () => {
    const session = { headers: { 'x-request-id': 'one-for-the-whole-session' } }
    const input = { steps: [{ setFeatureFlag: { key: 'session' } }], idempotencyKey: 'session' }
    const first = await operate(server, input, session)
    expect((await revertRevision(server, { revision: first.revision }, session)).userErrors).toEqual([])
    expect(await operate(server, input, session)).toEqual(first)
  })
})

describe('a guarded operation that does not hold', () => {
  test('is put back however many checks fail, and whatever they are called', async () => {
    for (let index = 10; index < 25; index += 1) await smoke.addCheck(doorCheck(`door-${index}-${'x'.repeat(90)}`))
    const broken = await operate(server, closing('many'))
    expect(broken).toMatchObject({ wasReverted: true, smokeTestRun: { isOk: false }, userErrors: [] })
    const [revert] = await changesOf(server, { sinceRevision: revisionOf(broken) })
    expect(revert?.operation).toBe('revertRevision')
    expect(revert?.reason).toMatch(/ and 10 more$/)
  })

  test('and cannot be put back says that it is in force and what to do, as its repetition does, and in the log', async () => {
    await smoke.addCheck(doorCheck('door-is-open'))
    const edit = { command: setFeatureFlag, input: { key: 'door', description: 'moved' }, caller: TESTER, correlationId: 'test' }
    const moved = onceCommitted(() => server.services.ledger.commit(edit))
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
