import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ LOG_LEVEL: 'info' })
})
afterAll(() => server.close())

/** What was logged of commits since the line with this number. */
const committed = (since: number) => server.logged.slice(since).filter(({ msg }) => msg === 'committed')

describe('of each commit, the log', () => {
  it('says who did what to which objects and why, with the digest of the chain and never a value', async () => {
    const since = server.logged.length
    await server.gql('mutation { setConfig(input: { key: "limits/logged", value: "hidden-42", reason: "a trial" }) { revision } }')
    const { revision, digest } = server.services.ledger.snapshot
    const lines = committed(since)
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'info',
        revision,
        digest,
        operation: 'setConfig',
        actor: expect.any(String),
        actorId: expect.any(String),
        changes: 1,
        targets: ['ConfigEntry limits/logged'],
        reason: 'a trial',
        requestId: expect.any(String),
      }),
    ])
    expect(JSON.stringify(lines)).not.toContain('hidden-42')
  })

  it('names few objects of a large operation, and shortens a long reason', async () => {
    const since = server.logged.length
    const steps = Array.from({ length: 30 }, (_, index) => `{ setFeatureFlag: { key: "logged/${String(index).padStart(2, '0')}" } }`)
    await server.gql(`mutation { runAdminOperation(input: { reason: "${'x'.repeat(900)}", steps: [${steps.join(' ')}] }) { revision } }`)
    const [line] = committed(since)
    expect(line).toMatchObject({ operation: 'runAdminOperation', changes: 30, reason: `${'x'.repeat(200)}…` })
    expect(line?.['targets']).toHaveLength(10)
  })

  it('has no line where nothing was changed', async () => {
    const since = server.logged.length
    const mutation = 'mutation { setFeatureFlag(input: { key: "logged/twice", reason: "again" }) { revision } }'
    await server.gql(mutation)
    await server.gql(mutation)
    expect(committed(since)).toHaveLength(1)
  })
})
