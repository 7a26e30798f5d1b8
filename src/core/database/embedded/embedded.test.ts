import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog, testTemplate } from '../../../../test/testkit/databases.js'
import { SHORT_LIVED } from '../../../../test/testkit/server-process.js'
import { systemClock } from '../../platform/clock.js'
import type { Database } from '../database.js'
import { type EmbeddedOptions, openEmbedded } from './embedded.js'
import { embeddedPaths } from './template.js'
import { EMBEDDED_POSTGRES_MAJOR, pgliteVersion } from './version-stamp.js'

const CHILD = fileURLToPath(new URL('../../../../test/testkit/embedded-child.ts', import.meta.url))

let dataDir: string
const opened: Database[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'valhalla-test-')), 'data')
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const database of opened.splice(0)) await database.close()
  rmSync(join(dataDir, '..'), { recursive: true, force: true })
})

async function open(options: Partial<EmbeddedOptions> = {}): Promise<Database> {
  const templateDir = await testTemplate()
  const database = await openEmbedded({ dataDir, reserveBytes: 0, log: silentLog, clock: systemClock, templateDir, ...options })
  opened.push(database)
  return database
}

/** Starts a process on the same directory; `line(n)` resolves to its nth line of output. */
function startChild(task: string) {
  const child = spawn(process.execPath, [...SHORT_LIVED, '--import', 'tsx', CHILD, dataDir, task])
  children.push(child)
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (text) => lines.push(text))
  let complaint = ''
  child.stderr.on('data', (text) => {
    complaint += text
  })
  const exited = once(child, 'close').then(([code]) => ({ code, complaint }))
  const until = async (count: number) => {
    while (lines.length < count) await Promise.race([once(reader, 'line'), exited.then((end) => Promise.reject(new Error(end.complaint)))])
  }
  return { child, lines, exited, until }
}

const mark = (database: Database, key: string) => database.prisma.usageMark.create({ data: { kind: 'test', key, lastAt: new Date(0) } })

describe('the embedded database', () => {
  it('makes its directory, and keeps what it was given over a restart', async () => {
    const first = await open()
    expect([first.engine, first.isShared, first.version.split('.')[0]]).toEqual(['pglite', false, String(EMBEDDED_POSTGRES_MAJOR)])
    await mark(first, 'kept')
    await first.close()
    const second = await open()
    expect(await second.prisma.usageMark.findMany()).toEqual([{ kind: 'test', key: 'kept', lastAt: new Date(0) }])
    expect(second.migrations.fresh).toEqual([])
  })

  it('can be closed twice, and then refuses queries', async () => {
    const database = await open()
    await Promise.all([database.close(), database.close()])
    await expect(database.pool.query('SELECT 1')).rejects.toThrow('Cannot use a pool after calling end on the pool')
  })

  it('is made from nothing without a template', async () => {
    const database = await open({ templateDir: '/nowhere' })
    expect(await database.prisma.ledgerHead.count()).toBe(1)
  })

  it('ignores what a first start that was killed has left', async () => {
    mkdirSync(join(dataDir, 'pg.new-1', 'base'), { recursive: true })
    writeFileSync(join(dataDir, 'pg.new-1', 'PG_VERSION'), '18')
    writeFileSync(join(dataDir, 'pg.version.json'), 'half')
    const database = await open()
    expect(await database.prisma.ledgerHead.count()).toBe(1)
    expect(readdirSync(dataDir).sort()).toEqual(['pg', 'pg.lock', 'pg.version.json'])
  })

  it('syncs each commit to the disk before it answers', async () => {
    const database = await open()
    const original = fs.fsyncSync
    let syncs = 0
    fs.fsyncSync = (handle) => {
      syncs += 1
      original(handle)
    }
    syncBuiltinESMExports()
    try {
      await mark(database, 'synced')
    } finally {
      fs.fsyncSync = original
      syncBuiltinESMExports()
    }
    expect(syncs).toBeGreaterThan(0)
    expect((await database.pool.query('SHOW fsync')).rows).toEqual([{ fsync: 'on' }])
  })

  it('keeps timestamps in UTC', async () => {
    const database = await open()
    expect((await database.pool.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'UTC' }])
  })

  it('closes although somebody still has its connection', async () => {
    const database = await open({ closeWaitMs: 300 })
    const client = await database.pool.connect()
    await client.query('BEGIN')
    await client.query(`INSERT INTO usage_marks VALUES ('test', 'lost', now())`)
    await database.close()
    const again = await open()
    expect(await again.prisma.usageMark.count()).toBe(0)
  })
})

describe('a data directory of another version', () => {
  const stampOf = (pglite: string, postgres: number) => writeFileSync(embeddedPaths(dataDir).stamp, JSON.stringify({ pglite, postgres }))
  beforeEach(async () => {
    await (await open()).close()
  })

  it.each([
    ['0.4.2', EMBEDDED_POSTGRES_MAJOR],
    [pgliteVersion(), 17],
  ])('is refused and left alone: PGlite %s, PostgreSQL %i', async (pglite, postgres) => {
    stampOf(pglite, postgres)
    const control = readFileSync(join(embeddedPaths(dataDir).data, 'global', 'pg_control'))
    await expect(open()).rejects.toMatchObject({
      fault: 'VERSION',
      message:
        `data directory ${dataDir}/pg was written by PGlite ${pglite} (PostgreSQL ${postgres}); ` +
        `this program has PGlite ${pgliteVersion()} (PostgreSQL ${EMBEDDED_POSTGRES_MAJOR}) and leaves it alone`,
    })
    expect(readFileSync(join(embeddedPaths(dataDir).data, 'global', 'pg_control')).equals(control)).toBe(true)
  })

  it('is refused when its stamp is missing, and accepted when it is back', async () => {
    rmSync(embeddedPaths(dataDir).stamp)
    await expect(open()).rejects.toMatchObject({ fault: 'VERSION' })
    stampOf(pgliteVersion(), EMBEDDED_POSTGRES_MAJOR)
    expect(await (await open()).prisma.ledgerHead.count()).toBe(1)
  })
})

describe('two processes on one directory', () => {
  it('the second is told who holds it and exits; the first goes on unharmed', async () => {
    const first = await open()
    await mark(first, 'before')
    const { code, complaint } = await startChild('hold').exited
    expect([code, complaint]).toEqual([1, `data directory ${dataDir} is in use by process ${process.pid} on ${hostname()}\n`])
    await mark(first, 'after')
    await first.close()
    expect(await (await open()).prisma.usageMark.count()).toBe(2)
  })

  it('the second is let in as soon as the first was killed', async () => {
    const { child, until, exited } = startChild('hold')
    await until(1)
    await expect(open()).rejects.toMatchObject({ fault: 'IN_USE' })
    child.kill('SIGKILL')
    await exited
    expect(await (await open()).prisma.ledgerHead.count()).toBe(1)
  })
})

describe('a process that dies', () => {
  it('loses no acknowledged row when it is killed while it writes', async () => {
    await (await open()).close()
    for (let round = 0; round < 2; round += 1) {
      const { child, lines, until, exited } = startChild('write')
      await until(40 + 90 * round)
      child.kill('SIGKILL')
      await exited
      const database = await open()
      const keys = new Set((await database.prisma.usageMark.findMany()).map(({ key }) => key))
      expect(lines.slice(1).filter((key) => !keys.has(key))).toEqual([])
      await database.prisma.usageMark.deleteMany()
      await database.close()
    }
  })

  it('ends at once, with the reason, when the disk fails under it; what was acknowledged stays', async () => {
    await mark(await open(), 'kept')
    await opened.splice(0)[0]?.close()
    const { code, complaint } = await startChild('fail-disk').exited
    expect(code).toBe(1)
    expect(complaint).toMatch(/^the embedded database cannot go on: .*PANIC: {2}could not fsync file .*\n$/)
    expect(await (await open()).prisma.usageMark.findMany({ select: { key: true } })).toContainEqual({ key: 'kept' })
  })

  it('ends at once when the disk fails under it although nobody hears why', async () => {
    const { child, exited } = startChild('fail-disk')
    child.stderr.destroy()
    expect((await exited).code).toBe(1)
  })

  it('that cannot be closed in order because the disk fails says so, and counts as stopped: nothing is lost', async () => {
    const { code, complaint } = await startChild('fail-closing').exited
    expect([code, complaint]).toEqual([0, expect.stringMatching(/^stopped, but the embedded database could not be closed .*PANIC: .*\n$/)])
    expect(await (await open()).prisma.usageMark.findMany({ select: { key: true } })).toEqual([{ key: 'kept' }])
  })

  it('leaves a directory that opens when it was killed during its very first start', async () => {
    for (const delayMs of [50, 150, 300]) {
      const { child, exited } = startChild('hold')
      while (!existsSync(dataDir)) await new Promise((resolve) => setTimeout(resolve, 5))
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      child.kill('SIGKILL')
      await exited
    }
    expect(await (await open()).prisma.ledgerHead.count()).toBe(1)
  })
})
