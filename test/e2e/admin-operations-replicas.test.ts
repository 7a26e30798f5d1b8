import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/platform/ids.js'
import { onceCommitted, operate, revertRevision } from '../testkit/admin-operations.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { until } from '../testkit/until.js'

/** Often enough that one replica is behind the other in some of them. */
const ROUNDS = 12

describe.runIf(await usePostgres())('what one replica has written, another one acts on at once:', { timeout: 60_000 }, () => {
  let drop: () => Promise<void>
  let a: TestServer
  let b: TestServer
  /** The key of the admin that both know. */
  let admin: { key: string }

  beforeAll(async () => {
    const { url, drop: dropDatabase } = await createTestDatabase()
    drop = dropDatabase
    a = await startTestServer({ DATABASE_URL: url })
    b = await startTestServer({ DATABASE_URL: url })
    admin = { key: a.adminKey }
  })

  afterAll(async () => {
    await Promise.all([a.close(), b.close()])
    await drop()
  })

  /** What each of some rounds came to, one after the other. */
  async function rounds<T>(round: (key: string) => Promise<T>): Promise<T[]> {
    const outcomes: T[] = []
    for (let index = 0; index < ROUNDS; index += 1) outcomes.push(await round(newId()))
    return outcomes
  }

  it('an operation on an object that is new', async () => {
    const faults = await rounds(async (key) => {
      await operate(a, { steps: [{ setFeatureFlag: { key } }] }, admin)
      return (await operate(b, { steps: [{ deleteFeatureFlag: { key } }] }, admin)).userErrors
    })
    expect(faults.flat()).toEqual([])
  })

  it('an operation that was planned there', async () => {
    const faults = await rounds(async (key) => {
      await operate(a, { steps: [{ setFeatureFlag: { key } }] }, admin)
      const steps = [{ setFeatureFlag: { key, isEnabled: false } }]
      const { plannedAtRevision } = await operate(a, { dryRun: true, steps }, admin)
      return (await operate(b, { plannedAtRevision, steps }, admin)).userErrors
    })
    expect(faults.flat()).toEqual([])
  })

  it('an operation that was planned before an edit there is refused as stale', async () => {
    const codes = await rounds(async (key) => {
      const steps = [{ setFeatureFlag: { key, isEnabled: false } }]
      const { plannedAtRevision } = await operate(b, { dryRun: true, steps }, admin)
      await operate(a, { steps: [{ setFeatureFlag: { key } }] }, admin)
      return (await operate(b, { plannedAtRevision, steps, idempotencyKey: `stale-${key}` }, admin)).userErrors.map(({ code }) => code)
    })
    expect(codes).toEqual(Array.from({ length: ROUNDS }, () => ['STALE_PLAN']))
  })

  it('a revert, and the plan of one', async () => {
    const outcomes = await rounds(async (key) => {
      await operate(a, { steps: [{ setFeatureFlag: { key } }] }, admin)
      const { revision } = await operate(a, { steps: [{ setFeatureFlag: { key, isEnabled: false } }] }, admin)
      const dry = await revertRevision(b, { revision, dryRun: true }, admin)
      const { revision: next } = await operate(a, { steps: [{ setConfig: { key, value: 1 } }] }, admin)
      const reverted = await revertRevision(b, { revision: next }, admin)
      expect(reverted.plan).toEqual([{ targetType: 'ConfigEntry', action: 'DELETE' }])
      return [...dry.userErrors, ...reverted.userErrors]
    })
    expect(outcomes.flat()).toEqual([])
  })

  it('a revert of what has changed there since is refused', async () => {
    const outcomes = await rounds(async (key) => {
      const { revision } = await operate(a, { steps: [{ setFeatureFlag: { key } }] }, admin)
      await operate(a, { steps: [{ setFeatureFlag: { key, isEnabled: false } }] }, admin)
      return (await revertRevision(b, { revision }, admin)).userErrors.map(({ code }) => code)
    })
    expect(outcomes).toEqual(Array.from({ length: ROUNDS }, () => ['INVALID_STATE']))
  })

  it('a revert needs the permissions of what it puts back, on a replica that has not heard of it yet as well', async () => {
    const operator = await a.addClient({ role: 'OPERATOR', name: 'operator' })
    await until(() => b.services.ledger.snapshot.revision === a.services.ledger.snapshot.revision)
    const refusals = await rounds(async (key) => {
      await operate(a, { steps: [{ setConfig: { key, value: 1 } }] }, admin)
      const { revision } = await operate(a, { steps: [{ setConfig: { key, isMutable: false } }] }, admin)
      const { status } = await b.gql(
        'mutation ($revision: Int!) { revertRevision(input: { revision: $revision }) { revision } }',
        { revision },
        operator,
      )
      return [status, (await revertRevision(b, { revision }, admin)).userErrors.length]
    })
    expect(refusals).toEqual(Array.from({ length: ROUNDS }, () => [403, 0]))
  })

  it('a guarded operation is repeated there with what its smoke test came to here', async () => {
    const input = { steps: [{ setFeatureFlag: { key: 'guarded' } }], guardWithSmokeTest: true, idempotencyKey: 'guarded' }
    const first = await operate(a, input, admin)
    expect(first).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
    expect(await operate(b, input, admin)).toEqual(first)
  })

  it('a guarded operation that is repeated there while it is proved here gets the same answer', async () => {
    const input = { steps: [{ setFeatureFlag: { key: 'early' } }], guardWithSmokeTest: true, idempotencyKey: 'early' }
    const repeated = onceCommitted(a, () => operate(b, input, admin))
    const first = await operate(a, input, admin)
    expect(first).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
    expect(await repeated).toEqual(first)
  })
})
