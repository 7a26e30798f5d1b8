import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { operate, placesOf, RUN_ADMIN_OPERATION } from '../testkit/admin-operations.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy.js'

describe.runIf(await usePostgres())('with the database away, a guarded operation', { timeout: 60_000 }, () => {
  let drop: () => Promise<void>
  let url: URL
  let proxy: TcpProxy
  let server: TestServer

  beforeEach(async () => {
    const created = await createTestDatabase()
    drop = created.drop
    url = new URL(created.url)
    proxy = await startTcpProxy(Number(url.port || 5432))
    const behindProxy = new URL(url)
    behindProxy.port = String(proxy.port)
    server = await startTestServer({ DATABASE_URL: behindProxy.href, VALHALLA_WRITE_TIMEOUT_MS: '1500' })
  })

  afterEach(async () => {
    await proxy.restore()
    await server.close()
    await proxy.close()
    await drop()
  })

  const guarded = { steps: [{ setFeatureFlag: { key: 'door', isEnabled: false } }], guardWithSmokeTest: true }

  test('whose revert cannot be written is told to be in force, with what to do, also when it is repeated', async () => {
    const cut = new Promise<void>((resolve, reject) => {
      const stop = server.services.ledger.onCommit(([change]) => {
        if (change?.operation !== 'runAdminOperation') return
        stop()
        proxy.cut().then(resolve, reject)
      })
    })
    const input = { ...guarded, idempotencyKey: 'cut' }
    const first = await operate(server, input)
    await cut
    expect(first).toMatchObject({ wasReverted: false, smokeTestRun: { isOk: false }, changes: [{ targetType: 'FeatureFlag' }] })
    expect(placesOf(first.userErrors)).toEqual([['INVALID_STATE', 'guardWithSmokeTest']])
    const advice = `revertRevision(input: { revision: ${first.revision} })`
    expect(first.userErrors[0]?.message).toContain(`Revision ${first.revision} could not be put back`)
    expect(first.userErrors[0]?.message).toContain(advice)
    expect(first.userErrors[0]?.message).not.toContain('nothing was changed')
    expect(server.logged.filter(({ level, revision, smokeTestRunId }) => level === 'error' && revision && smokeTestRunId)).toMatchObject([
      { revision: first.revision, smokeTestRunId: first.smokeTestRun?.id },
    ])

    await proxy.restore()
    const again = await operate(server, input)
    expect(again).toMatchObject({ revision: first.revision, changes: first.changes, wasReverted: false })
    expect(placesOf(again.userErrors)).toEqual([['INVALID_STATE', 'guardWithSmokeTest']])
    expect(again.userErrors[0]?.message).toContain(advice)
  })

  test('whose commit was not confirmed is told to be unproved where it has landed', async () => {
    const holder = new pg.Client(url.href)
    await holder.connect()
    // The commit is sent, and then waits for this row for longer than a write may take.
    await holder.query('BEGIN; SELECT FROM ledger_head FOR UPDATE')
    const { status, errors } = await server.gql(RUN_ADMIN_OPERATION, { input: guarded })
    await holder.end()
    expect([status, errors?.[0]?.extensions?.['code']]).toEqual([503, 'UNAVAILABLE'])
    expect(errors?.[0]?.message).toContain('If it has, no smoke test has proved it')
    expect(server.logged.filter(({ level, msg }) => level === 'error' && String(msg).includes('without a smoke test')).length).toBe(1)
  })

  test('that may be a repetition is refused in the time that a write has', async () => {
    proxy.stall()
    const { errors } = await server.gql(RUN_ADMIN_OPERATION, { input: { ...guarded, idempotencyKey: 'stalled' } })
    expect(errors?.[0]?.extensions?.['code']).toBe('UNAVAILABLE')
  })
})
