import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM_ACTOR } from '../../src/core/contract/caller.js'
import { newId } from '../../src/core/platform/ids.js'
import { createAdminCommand } from '../../src/packs/admin-operations/operations/admin-operation.command.js'
import {
  type GuardedOperationRecord,
  guardedOperationCollection,
} from '../../src/packs/admin-operations/smoke-guard/guarded-operation.collection.js'
import { smokeRunner } from '../../src/packs/deployment/index.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { changesOf, onceCommitted, operate, RUN_ADMIN_OPERATION, whileMute } from '../testkit/admin-operations.js'
import { createTestDatabase, testTemplate, usePostgres } from '../testkit/databases.js'
import { HandClock } from '../testkit/hand-clock.js'
import { TESTER } from '../testkit/ledger.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { until } from '../testkit/until.js'

const input = { steps: [{ setFeatureFlag: { key: 'door' } }], guardWithSmokeTest: true, idempotencyKey: 'door' }
/** The one guarded operation of a test. */
const noted = ({ services }: TestServer): GuardedOperationRecord | undefined =>
  [...services.ledger.snapshot.view(guardedOperationCollection).values()][0]

describe.runIf(await usePostgres())('a guarded operation whose replica is silent', { timeout: 60_000 }, () => {
  let drop: () => Promise<void>
  let clock: HandClock
  let a: TestServer
  let b: TestServer

  beforeEach(async () => {
    const { url, drop: dropDatabase } = await createTestDatabase()
    drop = dropDatabase
    clock = new HandClock()
    a = await startTestServer({ DATABASE_URL: url }, {}, { clock })
    b = await startTestServer({ DATABASE_URL: url }, {}, { clock })
  })

  afterEach(async () => {
    await Promise.all([a.close(), b.close()])
    await drop()
  })

  it('is proved and settled by another one once its lease has run out, for every caller', async () => {
    const admin = { key: a.adminKey }
    const calls = await whileMute(a, async () => {
      const repeated = onceCommitted(a, () => operate(b, input, admin))
      const first = operate(a, input)
      await until(() => noted(b) !== undefined)
      clock.pass(10_000)
      await until(() => noted(b)?.status === 'HELD')
      return { first, repeated }
    })
    const answers = [await calls.repeated, await calls.first]
    expect(answers[0]).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
    expect(answers[1]).toEqual(answers[0])
    expect(await operate(a, input)).toEqual(answers[0])
    const [settled] = await changesOf(a, { operation: 'settleGuardedOperation' })
    expect(settled?.reason).toMatch(new RegExp(`^smoke test .* passed; taken over from instance ${a.services.instanceId}`))
  })

  it('keeps it while it says that it is there', async () => {
    const first = await whileMute(a, async () => {
      const answer = operate(a, input)
      await until(() => noted(b)?.version === 1)
      clock.pass(9_999)
      await until(() => noted(b)?.version === 2)
      clock.pass(9_999)
      // Whatever else is committed is a reason to look.
      await operate(b, { steps: [{ setFeatureFlag: { key: 'other' } }] }, { key: a.adminKey })
      return { answer, during: noted(b) }
    })
    expect(first.during).toMatchObject({ status: 'PROVING', instanceId: a.services.instanceId, version: 2 })
    expect(await first.answer).toMatchObject({ wasReverted: true, smokeTestRun: { isOk: false } })
  })

  it('because it shuts down is left to the others, and its caller told', async () => {
    const admin = { key: a.adminKey }
    const answer = await whileMute(a, async () => {
      const first = a.gql(RUN_ADMIN_OPERATION, { input })
      await until(() => noted(b) !== undefined)
      void a.close()
      return { first }
    })
    const { status, errors } = await answer.first
    expect([status, errors?.[0]?.extensions?.['code'], errors?.[0]?.extensions?.['revision']]).toEqual([
      503,
      'UNAVAILABLE',
      noted(b)?.revision,
    ])
    expect(noted(b)?.status).toBe('PROVING')
    clock.pass(10_000)
    expect(await operate(b, input, admin)).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true } })
  })
})

describe('a guarded operation that was cut off on the embedded database', { timeout: 60_000 }, () => {
  let root: string
  let server: TestServer

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'valhalla-cut-off-'))
    await cp(await testTemplate(), join(root, 'data'), { recursive: true })
  })

  afterEach(async () => {
    await server.close()
    await rm(root, { recursive: true, force: true })
  })

  it('is proved and settled after the restart, and its repetition tells', async () => {
    const settings = { VALHALLA_DATA_DIR: join(root, 'data') }
    const first = await startTestServer(settings)
    let closing: Promise<void> | undefined
    await whileMute(first, async () => {
      const cutOff = first.gql(RUN_ADMIN_OPERATION, { input })
      await until(() => noted(first) !== undefined)
      closing = first.close()
      return { cutOff }
    })
    await closing
    expect(noted(first)?.status).toBe('PROVING')
    server = await startTestServer(settings)
    const admin = { key: first.adminKey }
    await until(() => noted(server)?.status === 'HELD')
    const [settled] = await server.services.changeLog.page({ operation: 'settleGuardedOperation' }, { take: 1 })
    expect(settled?.actor).toEqual(SYSTEM_ACTOR)
    expect(settled?.reason).toContain(`taken over from instance ${first.services.instanceId}`)
    const again = await operate(server, input, admin)
    expect(again).toMatchObject({ revision: noted(server)?.revision, wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
    expect(await operate(server, input, admin)).toEqual(again)
  })

  it('waits for its turn while another smoke test is under way', async () => {
    const settings = { VALHALLA_DATA_DIR: join(root, 'data') }
    server = await startTestServer(settings)
    const slot = server.services.once(smokeRunner).reserve()
    const step = { name: 'setFeatureFlag', command: setFeatureFlag as never, input: { key: 'door' } }
    const command = createAdminCommand({ steps: [step], claim: { id: newId(), instanceId: 'dead' } })
    await server.services.ledger.commit({ command, input: {}, caller: TESTER, correlationId: 'test' })
    expect(noted(server)).toMatchObject({ status: 'PROVING', instanceId: 'dead', version: 1 })
    slot?.release()
    await until(() => noted(server)?.status === 'HELD')
  })
})
