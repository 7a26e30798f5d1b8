import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { openEmbedded } from '../../src/core/database/embedded/embedded.js'
import { embeddedPaths } from '../../src/core/database/embedded/template.js'
import { explainReading } from '../../src/core/database/open.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { silentLog, testTemplate } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'
import { canStartPostgres, damageFirstPage, type OwnPostgres, startPostgres } from '../testkit/own-postgres.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { until } from '../testkit/until.js'

describe('a database whose files are damaged', () => {
  let root: string
  let dataDir: string

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'valhalla-damaged-'))
    dataDir = join(root, 'data')
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  const openHere = async (): Promise<Database> =>
    openEmbedded({ dataDir, reserveBytes: 0, log: silentLog, clock: systemClock, templateDir: await testTemplate() })

  /** Stops the database, and writes over the first page of each of these relations. */
  async function damage(...names: readonly string[]): Promise<void> {
    const database = await openHere()
    const ledger = await openTestLedger(database)
    await run(ledger, setFeatureFlag, { key: 'a' })
    const paths: string[] = []
    for (const name of names) paths.push((await database.pool.query(`SELECT pg_relation_filepath('${name}') AS path`)).rows[0].path)
    await database.close()
    for (const path of paths) await damageFirstPage(join(embeddedPaths(dataDir).data, path))
  }

  it('is no absent one: a write says what has to be done, and so does the status until the state was read as a whole', async () => {
    await damage('changes')
    const database = await openHere()
    const ledger = await openTestLedger(database)
    await expect(run(ledger, setFeatureFlag, { key: 'b' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'Files of the database are damaged or missing (SQLSTATE XX001). That does not pass: restore a backup. Nothing was changed.',
    })
    await ledger.poll()
    expect(ledger.status).toMatchObject({ isDegraded: true, damage: expect.stringContaining('restore a backup') })
    await database.close()
  })

  it('says so to whoever asks for more than the state', async () => {
    await damage('changes')
    const database = await openHere()
    const asking = database.askPrisma(({ change }) => change.findMany())
    await expect(asking).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('restore a backup') })
    expect(database.damage.text).toContain('XX001')
    await database.close()
  })

  it('is told apart at the start as well', async () => {
    await damage('feature_flags')
    const database = await openHere()
    const failure = await openTestLedger(database).catch(explainReading)
    expect(failure).toMatchObject({ name: 'DatabaseOpenError', fault: 'DAMAGED', message: expect.stringContaining('restore a backup') })
    await database.close()
  })

  it('is told apart before its migrations are looked at', async () => {
    await damage('_prisma_migrations')
    const { openDatabase } = await import('../../src/core/database/open.js')
    const failure = openDatabase({ dataDir, reserveBytes: 0, log: silentLog, clock: systemClock })
    await expect(failure).rejects.toMatchObject({ fault: 'DAMAGED', message: expect.stringContaining('restore a backup') })
  })
})

describe.runIf(canStartPostgres)('a PostgreSQL server whose files are damaged', () => {
  const DAMAGE = (state: string) =>
    `Files of the database are damaged or missing (SQLSTATE ${state}). That does not pass: restore a backup.`
  let postgres: OwnPostgres | undefined
  let server: TestServer | undefined

  const own = (): OwnPostgres => {
    if (!postgres) throw new Error('the server has not been started')
    return postgres
  }
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterEach(async () => {
    await server?.close()
    server = undefined
  })
  afterAll(() => postgres?.remove())

  it('is told to callers, to operators and by the log of a process that was running before', async () => {
    server = await startTestServer({ DATABASE_URL: own().url })
    const { url, gql, logged } = server
    const write = (key: string) => gql(`mutation { setFeatureFlag(input: { key: "${key}" }) { userErrors { code } } }`)
    await write('a')
    await own().whileStopped('changes', damageFirstPage)
    // Connections of before are gone; from the first new one on it is no outage any more.
    await until(async () => (await write('b')).errors?.[0]?.message.includes('Try again later') === false)
    const { errors } = await write('c')
    expect(errors).toMatchObject([{ message: `${DAMAGE('XX001')} Nothing was changed.`, extensions: { code: 'UNAVAILABLE' } }])
    const read = await gql('{ changes { nodes { revision } } }')
    expect(read.errors).toMatchObject([{ message: DAMAGE('XX001'), extensions: { code: 'UNAVAILABLE' } }])
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'ready', degraded: true, damage: DAMAGE('XX001') })
    expect((await gql('{ featureFlags { nodes { key } } }')).data).toEqual({ featureFlags: { nodes: [{ key: 'a' }] } })
    expect(logged.filter(({ msg }) => msg === DAMAGE('XX001'))).toMatchObject([{ level: 'error', err: { message: expect.any(String) } }])
  })

  it.each([
    ['a damaged page', 'XX001', damageFirstPage],
    ['a missing file', '58P01', (path: string) => rm(path)],
  ])('is told apart at the start: %s', async (_what, state, harm) => {
    await own().whileStopped('feature_flags', harm)
    const failure = startTestServer({ DATABASE_URL: own().url })
    await expect(failure).rejects.toMatchObject({ name: 'DatabaseOpenError', fault: 'DAMAGED', message: DAMAGE(state) })
  })
})
