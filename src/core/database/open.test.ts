import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES, silentLog } from '../../../test/testkit/databases.js'
import { until } from '../../../test/testkit/until.js'
import { systemClock } from '../platform/clock.js'
import { openDatabase, waitForDatabase } from './open.js'
import { DatabaseOpenError, showUrl, withoutSecrets } from './open-error.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'valhalla-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const open = (options: { databaseUrl?: string; dataDir?: string }) =>
  openDatabase({ dataDir: join(folder, 'data'), reserveBytes: 0, log: silentLog, clock: systemClock, ...options })

describe('opening a database that cannot be opened', () => {
  it.each(['mysql://root@localhost/x', 'localhost:5432', '', 'postgresql://bad host/'])(
    'says how a URL must look: %j',
    async (databaseUrl) => {
      await expect(open({ databaseUrl })).rejects.toMatchObject({
        name: 'DatabaseOpenError',
        fault: 'UNUSABLE',
        message: 'DATABASE_URL must look like postgresql://user:password@host:5432/database',
      })
    },
  )

  it('says that nothing listens, and never shows the password', async () => {
    await expect(open({ databaseUrl: 'postgresql://ann:s3cret@127.0.0.1:1/valhalla?sslmode=disable' })).rejects.toMatchObject({
      fault: 'UNREACHABLE',
      message: 'nothing answers at postgresql://ann@127.0.0.1:1/valhalla: connect ECONNREFUSED 127.0.0.1:1',
    })
  })

  it('gives up on a server that says nothing', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await expect(open({ databaseUrl: `postgresql://ann:s3cret@127.0.0.1:${port}/x` })).rejects.toMatchObject({
      fault: 'UNREACHABLE',
      message: `nothing answers at postgresql://ann@127.0.0.1:${port}/x: timeout expired`,
    })
    server.close()
  })

  it('says that a part of the data directory’s path is a file', async () => {
    writeFileSync(join(folder, 'file'), '')
    const dataDir = join(folder, 'file', 'data')
    await expect(open({ dataDir })).rejects.toMatchObject({
      fault: 'UNUSABLE',
      message: `data directory ${dataDir}: a part of the path is a file`,
    })
  })

  it('says in one line that the data are damaged, and lets go of the lock', async () => {
    const dataDir = join(folder, 'damaged')
    await (await open({ dataDir })).close()
    rmSync(join(dataDir, 'pg', 'global', 'pg_control'))
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(open({ dataDir })).rejects.toMatchObject({
        fault: 'OTHER',
        message: expect.stringMatching(/^the embedded database in .*\/damaged\/pg does not start: [^\n]+$/),
      })
    }
  })
})

describe.runIf(ENGINES.includes('postgresql'))('opening a database on a PostgreSQL server', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  it('says that the server has no such database', async () => {
    const url = new URL(database.url)
    url.pathname = '/valhalla_nowhere'
    await expect(open({ databaseUrl: url.href })).rejects.toMatchObject({
      fault: 'NO_DATABASE',
      message: `${showUrl(url.href)}: the server has no such database; create it first (createdb)`,
    })
  })

  it('says that the server refuses the user', async () => {
    const url = new URL(database.url)
    url.username = 'valhalla_nobody'
    url.password = 's3cret'
    await expect(open({ databaseUrl: url.href })).rejects.toMatchObject({
      fault: 'REFUSED',
      message: `${showUrl(url.href)} refuses this user or password: role "valhalla_nobody" does not exist`,
    })
  })

  it('sets UTC and the time limits on each connection, and applies the migrations', async () => {
    const opened = await open({ databaseUrl: `${database.url}?options=-c%20geqo%3Doff%20-c%20TimeZone%3DAsia/Kathmandu` })
    const shown = await opened.pool.query(
      `SELECT current_setting('TimeZone') AS zone, current_setting('geqo') AS geqo, current_setting('statement_timeout') AS limit, current_setting('application_name') AS name`,
    )
    expect(shown.rows).toEqual([{ zone: 'UTC', geqo: 'off', limit: '5s', name: 'valhalla' }])
    expect([opened.engine, opened.isShared, opened.migrations.pending, opened.migrations.fresh.length > 0]).toEqual([
      'postgresql',
      true,
      [],
      true,
    ])
    expect(opened.version).toMatch(/^\d+\.\d+$/)
    await opened.close()
    await opened.close()
  })

  it('reads a timestamp as it was written, whatever the server’s time zone', async () => {
    const client = new pg.Client(database.url)
    await client.connect()
    await client.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET TimeZone = 'Asia/Kathmandu'`)
    await client.end()
    const opened = await open({ databaseUrl: database.url })
    const lastAt = new Date('2026-07-01T12:34:56.789Z')
    await opened.prisma.usageMark.create({ data: { kind: 'test', key: 'zone', lastAt } })
    expect((await opened.prisma.usageMark.findFirstOrThrow()).lastAt).toEqual(lastAt)
    await opened.close()
  })

  it('survives the end of an idle connection', async () => {
    const opened = await open({ databaseUrl: database.url })
    await opened.pool.query('SELECT 1')
    const client = new pg.Client(database.url)
    await client.connect()
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    )
    await client.end()
    await until(() => opened.pool.totalCount === 0)
    expect((await opened.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await opened.close()
  })

  it('survives the end of a connection that is in somebody’s hands', async () => {
    const opened = await open({ databaseUrl: database.url })
    const held = await opened.pool.connect()
    await opened.pool.query(`SELECT pg_terminate_backend($1)`, [(await held.query('SELECT pg_backend_pid() AS pid')).rows[0].pid])
    await new Promise((resolve) => setTimeout(resolve, 50))
    await expect(held.query('SELECT 1')).rejects.toThrow(Error)
    held.release(true)
    expect((await opened.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await opened.close()
  })
})

describe('waiting for a database at the start', () => {
  it('gives each try the time that is left, the first one six seconds in any case, and ends with the last fault', async () => {
    const triesOf = async (timeoutMs: number, tryMs: number): Promise<number[]> => {
      let nowMs = 0.3
      const given: number[] = []
      const clock = { ...systemClock, monotonicMs: () => nowMs }
      const open = async (leftMs: number): Promise<never> => {
        given.push(leftMs)
        nowMs += tryMs + 0.2
        throw new DatabaseOpenError('UNREACHABLE', `try ${given.length}`)
      }
      const failure: unknown = await waitForDatabase({ timeoutMs, clock, log: silentLog }, open).catch((error: unknown) => error)
      expect(failure).toMatchObject({ message: `try ${given.length}` })
      return given
    }
    expect(await triesOf(30_000, 14_000)).toEqual([30_000, 16_000, 2_000])
    expect(await triesOf(30_000, 30_000)).toEqual([30_000])
    expect(await triesOf(0, 1_000)).toEqual([6_000])
  })
})

describe('what is shown of a URL', () => {
  it('is never the password, nor its parameters, in any spelling', () => {
    const url = 'postgresql://ann:p%40ss@db.example:5432/valhalla?sslpassword=hush'
    expect(showUrl(url)).toBe('postgresql://ann@db.example:5432/valhalla')
    const text = `${url} | p@ss | p%40ss | ?sslpassword=hush`
    expect(withoutSecrets(text, url)).toBe('postgresql://ann@db.example:5432/valhalla | *** | *** | ***')
    expect(showUrl('not a url with s3cret')).toBe('DATABASE_URL')
  })
})
