import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { openEmbedded } from '../../src/core/database/embedded/embedded.js'
import { embeddedPaths } from '../../src/core/database/embedded/template.js'
import { explainReading } from '../../src/core/database/open.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { silentLog, testTemplate } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'

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
    for (const path of paths) {
      const file = await open(join(embeddedPaths(dataDir).data, path), 'r+')
      await file.write(Buffer.alloc(8192, 0xa5), 0, 8192, 0)
      await file.close()
    }
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
