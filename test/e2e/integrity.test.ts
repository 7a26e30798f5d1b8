import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { startTestServer } from '../testkit/server.js'
import { anyProgram, anyServer, askOverHttp, launchServer } from '../testkit/server-process.js'

const PROGRAM = anyServer()
const PATIENT = { VALHALLA_WRITE_TIMEOUT_MS: '60000', VALHALLA_DISK_RESERVE_MB: '0' }
const SECRETS = { VALHALLA_KEY_PEPPER: 'pepper of the end to end tests', VALHALLA_AUDIT_KEY: 'audit key of the end to end tests' }
const INTEGRITY = '{ auditIntegrity { isIntact firstBrokenRevision tamperedObjects { targetType targetId targetKey } checkedObjects } }'

describe('an audit event that was answered', () => {
  it('survives kill -9: a look at what is sensitive, and what was denied before', async () => {
    const root = await mkdtemp(join(tmpdir(), 'valhalla-killed-'))
    const key = generateApiKey('test')
    const settings = { ...PATIENT, VALHALLA_DATA_DIR: join(root, 'data'), VALHALLA_ADMIN_KEY: key }
    const first = launchServer(PROGRAM, settings)
    const { url } = await first.ready
    expect((await askOverHttp(url, { key: null, query: '{ viewer { role } }' })).status).toBe(401)
    expect((await askOverHttp(url, { key, query: '{ securitySnapshot { takenAt } }' })).status).toBe(200)
    await first.kill()
    const second = launchServer(PROGRAM, settings)
    const again = await second.ready
    const { data } = await askOverHttp(again.url, { key, query: '{ auditEvents { nodes { operation outcome } } }' })
    await second.kill()
    await rm(root, { recursive: true, force: true })
    expect(data).toEqual({
      auditEvents: {
        nodes: [
          { operation: 'securitySnapshot', outcome: 'SUCCEEDED' },
          { operation: 'authenticate', outcome: 'DENIED' },
        ],
      },
    })
  })
})

describe('the check over GraphQL', () => {
  it('names a client that was made an ADMIN by hand, and so do the findings and the metric', async () => {
    const server = await startTestServer()
    const { client } = await server.addClient({ name: 'eve', role: 'OBSERVER' })
    expect((await server.gql('{ securitySnapshot { auditIntegrity { isIntact } } }')).data).toEqual({
      securitySnapshot: { auditIntegrity: { isIntact: true } },
    })
    await server.services.database.ask("UPDATE api_clients SET role = 'ADMIN' WHERE id = $1", [client.id])
    expect((await server.gql(INTEGRITY)).data).toEqual({
      auditIntegrity: {
        isIntact: false,
        firstBrokenRevision: null,
        tamperedObjects: [{ targetType: 'ApiClient', targetId: client.id, targetKey: 'eve' }],
        checkedObjects: 4,
      },
    })
    const { data } = await server.gql('{ securitySnapshot { findings { code severity message } } }')
    expect(data).toMatchObject({
      securitySnapshot: {
        findings: expect.arrayContaining([
          { code: 'OBJECT_TAMPERED', severity: 'CRITICAL', message: expect.stringContaining('ApiClient eve') },
        ]),
      },
    })
    const metrics = await (await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': server.adminKey } })).text()
    expect(metrics).toContain(`\nvalhalla_audit_verified_revision ${server.services.ledger.snapshot.revision}\n`)
    await server.close()
  })

  it('finds that the audit events are gone', async () => {
    const server = await startTestServer()
    await server.gql('{ auditEvents { totalCount } }')
    expect((await server.gql('{ auditIntegrity { isIntact checkedEvents firstBrokenEvent } }')).data).toEqual({
      auditIntegrity: { isIntact: true, checkedEvents: 1, firstBrokenEvent: null },
    })
    await server.services.database.ask('DELETE FROM audit_events')
    expect((await server.gql('{ securitySnapshot { auditIntegrity { isIntact } findings { code } } }')).data).toMatchObject({
      securitySnapshot: { auditIntegrity: { isIntact: false }, findings: expect.arrayContaining([{ code: 'EVENTS_BROKEN' }]) },
    })
    await server.close()
  })
})

describe.runIf(await usePostgres())('a database that was written with secrets', () => {
  let url: string
  let drop: () => Promise<void>
  const key = generateApiKey('live')
  const settings = () => ({
    ...PATIENT,
    ...SECRETS,
    NODE_ENV: 'production',
    VALHALLA_ENV: 'production',
    VALHALLA_SHUTDOWN_DELAY_MS: '0',
    DATABASE_URL: url,
    VALHALLA_ADMIN_KEY: key,
  })
  beforeAll(async () => {
    const database = await createTestDatabase()
    url = database.url
    drop = database.drop
    const server = launchServer(PROGRAM, settings())
    await server.ready
    expect(await server.stop()).toBe(0)
  })
  afterAll(() => drop())

  /** How a start ends that is refused. */
  const refused = async (env: Record<string, string>, program = PROGRAM) => {
    const server = launchServer(program, env)
    const status = await server.ended()
    return { status, said: server.output() }
  }

  it('refuses a start with others, in one line that names them and not their values', async () => {
    const { status, said } = await refused({ ...settings(), VALHALLA_AUDIT_KEY: 'quite another audit key', VALHALLA_ENV: 'staging' })
    expect(status).toBe(1)
    expect(said.split('\n').filter((line) => !line.startsWith('{'))).toEqual([
      expect.stringMatching(
        /^This database was written with other settings: VALHALLA_AUDIT_KEY is another one, VALHALLA_ENV is another one\. /,
      ),
    ])
    expect(said).not.toContain('quite another audit key')
  })

  it('refuses a start without any in production, in one line', async () => {
    const { VALHALLA_KEY_PEPPER: _, VALHALLA_AUDIT_KEY: __, ...unkeyed } = settings()
    expect(await refused(unkeyed)).toEqual({
      status: 78,
      said: 'VALHALLA_KEY_PEPPER and VALHALLA_AUDIT_KEY are not set, which NODE_ENV=production demands; set long random texts that are kept as long as the data is, or VALHALLA_ALLOW_UNKEYED=true for a trial',
    })
  })

  it('finds after a restart what was edited meanwhile, and moves to other settings with admin:reset', async () => {
    const client = new pg.Client(url)
    await client.connect()
    await client.query("UPDATE api_clients SET description = 'by hand'")
    await client.end()
    const server = launchServer(PROGRAM, settings())
    const { data } = await askOverHttp((await server.ready).url, { key, query: INTEGRITY })
    expect(data).toMatchObject({ auditIntegrity: { isIntact: false, tamperedObjects: [{ targetType: 'ApiClient' }] } })
    expect(await server.stop()).toBe(0)
    const moved = { ...settings(), VALHALLA_KEY_PEPPER: 'another pepper, on purpose' }
    const reset = anyProgram('admin-reset')
    expect(await refused(moved, [...reset, '--yes'])).toMatchObject({
      status: 1,
      said: expect.stringContaining('VALHALLA_KEY_PEPPER is another one'),
    })
    expect(await refused(moved, [...reset, '--yes', '--adopt-settings'])).toMatchObject({
      status: 0,
      said: expect.stringContaining('vk_live_'),
    })
    const again = launchServer(PROGRAM, moved)
    await again.ready
    expect(await again.stop()).toBe(0)
  })
})
