import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { guardedOperationCollection } from '../../src/packs/admin-operations/smoke-guard/guarded-operation.collection.js'
import { onceCommitted, operate, RUN_ADMIN_OPERATION, whileMute } from '../testkit/admin-operations.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy.js'
import { until } from '../testkit/until.js'

describe.runIf(await usePostgres())('with the database away, a guarded operation', () => {
  let drop: () => Promise<void>
  let url: URL
  let proxy: TcpProxy
  let server: TestServer

  beforeEach(async () => {
    const created = await createTestDatabase()
    drop = created.drop
    url = new URL(created.url)
    proxy = await startTcpProxy(created.url)
    server = await startTestServer({ DATABASE_URL: proxy.url, VALHALLA_WRITE_TIMEOUT_MS: '1500' })
  })

  afterEach(async () => {
    await proxy.restore()
    await server.close()
    await proxy.close()
    await drop()
  })

  const guarded = { steps: [{ setFeatureFlag: { key: 'door', isEnabled: false } }], guardWithSmokeTest: true }

  const noted = () => [...server.services.ledger.snapshot.view(guardedOperationCollection).values()]
  const settled = () => until(() => noted().length === 1 && noted()[0]?.status !== 'PROVING')

  it('whose verdict cannot be written tells so with its revision, and is settled by itself once the database is back', async () => {
    const cut = onceCommitted(server, () => proxy.cut())
    const input = { ...guarded, idempotencyKey: 'cut' }
    const { status, errors } = await server.gql(RUN_ADMIN_OPERATION, { input })
    await cut
    const revision = noted()[0]?.revision
    expect([status, errors?.[0]?.extensions?.['code'], errors?.[0]?.extensions?.['revision']]).toEqual([503, 'UNAVAILABLE', revision])
    for (const part of [`Revision ${revision} is committed`, 'settled by itself once the database is back', 'The same idempotency key'])
      expect(errors?.[0]?.message).toContain(part)

    await proxy.restore()
    await settled()
    const first = await operate(server, input)
    expect(first).toMatchObject({ revision, changes: [{ targetType: 'FeatureFlag' }], wasReverted: false, smokeTestRun: { isOk: true } })
    expect(first.userErrors).toEqual([])
    expect(await operate(server, input)).toEqual(first)
  })

  it('that is repeated and waits is told so as well', async () => {
    const input = { ...guarded, idempotencyKey: 'waits' }
    const { ledger } = server.services
    const answers = await whileMute(server, async () => {
      const repeated = onceCommitted(server, () => server.gql(RUN_ADMIN_OPERATION, { input }))
      // Whoever waits for a verdict listens to commits.
      const isWaiting = new Promise<void>((resolve) => {
        const { onCommit } = ledger
        ledger.onCommit = (listener) => {
          resolve()
          return onCommit.call(ledger, listener)
        }
      })
      const first = server.gql(RUN_ADMIN_OPERATION, { input })
      await isWaiting
      await proxy.cut()
      await repeated
      return { first, repeated }
    })
    const expected = { code: 'UNAVAILABLE', revision: noted()[0]?.revision }
    expect((await answers.repeated).errors?.[0]?.extensions).toMatchObject(expected)
    expect((await answers.first).errors?.[0]?.extensions).toMatchObject(expected)
  })

  it('whose commit was not confirmed is told so, and is settled by itself where it has landed', async () => {
    const holder = new pg.Client(url.href)
    await holder.connect()
    // The commit is sent, and then waits for this row for longer than a write may take.
    await holder.query('BEGIN; SELECT FROM ledger_head FOR UPDATE')
    const input = { ...guarded, idempotencyKey: 'unconfirmed' }
    const { status, errors } = await server.gql(RUN_ADMIN_OPERATION, { input })
    await holder.end()
    expect([status, errors?.[0]?.extensions?.['code']]).toEqual([503, 'UNAVAILABLE'])
    for (const part of ['may or may not have landed', 'settled by itself once the database is back', 'The same idempotency key'])
      expect(errors?.[0]?.message).toContain(part)
    await settled()
    expect(await operate(server, input)).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: true }, userErrors: [] })
  })

  it('that may be a repetition is refused in the time that a write has', async () => {
    proxy.stall()
    const { errors } = await server.gql(RUN_ADMIN_OPERATION, { input: { ...guarded, idempotencyKey: 'stalled' } })
    expect(errors?.[0]?.extensions?.['code']).toBe('UNAVAILABLE')
    const [refusal] = server.logged.filter(({ msg }) => msg === 'call refused')
    expect(JSON.stringify(refusal)).toContain('no answer within 1500 ms')
  })
})
