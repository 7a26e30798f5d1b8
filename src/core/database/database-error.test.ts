import { describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES, openTestDatabase, silentLog } from '../../../test/testkit/databases.js'
import { startTcpProxy } from '../../../test/testkit/tcp-proxy.js'
import { DatabaseAwayError, orAway, unavailable } from './database-error.js'
import { openPostgres } from './postgres/postgres.js'

/** What a question ends with. */
const fate = (question: () => Promise<unknown>): Promise<unknown> =>
  orAway('nothing', question).then(
    () => 'answered',
    (error) => (error instanceof DatabaseAwayError ? 'away' : 'at fault'),
  )

describe.each(ENGINES)('a question that %s refuses', (engine) => {
  it('is no outage, whether Prisma asks it or the driver', async () => {
    const { prisma, pool, ask, close } = await openTestDatabase(engine)
    const at = { gte: new Date('0000-01-01T00:00:00Z') }
    expect(await fate(() => prisma.change.findMany({ where: { targetType: 'a\u0000' } }))).toBe('at fault')
    expect(await fate(() => prisma.change.findMany({ where: { at } }))).toBe('at fault')
    expect(await fate(() => prisma.change.count({ where: { revision: { lt: 9_999_999_999 } } }))).toBe('at fault')
    expect(await fate(() => prisma.change.findUniqueOrThrow({ where: { revision_ordinal: { revision: 1, ordinal: 0 } } }))).toBe('at fault')
    expect(await fate(() => prisma.$queryRawUnsafe('SELECT 1 / 0'))).toBe('at fault')
    expect(await fate(() => pool.query('SELECT $1::text', ['a\u0000']))).toBe('at fault')
    expect(await fate(() => prisma.change.count())).toBe('answered')
    await expect(ask('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' })
    await close()
  })

  it('because its disk is full is told apart from an outage, for a write as well', async () => {
    const { ask, pool, close } = await openTestDatabase(engine)
    const full = `DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$`
    const said = {
      code: 'UNAVAILABLE',
      message: 'The disk of the database is full: nothing can be changed until there is room. Nothing was changed.',
      headers: new Map([['retry-after', '30']]),
    }
    await expect(ask(full)).rejects.toMatchObject(said)
    const away: unknown = await orAway('nothing', () => pool.query(full)).catch((error: unknown) => error)
    expect(unavailable(away, 'nothing')).toMatchObject(said)
    expect(unavailable(away, 'unknown').message).toContain('it may or may not have landed')
    await close()
  })

  it('because it is being stopped is an outage', async () => {
    const { prisma, pool, close } = await openTestDatabase(engine)
    const stopped = `DO $$ BEGIN RAISE EXCEPTION 'stopping' USING ERRCODE = '57P01'; END $$`
    expect(await fate(() => prisma.$executeRawUnsafe(stopped))).toBe('away')
    expect(await fate(() => pool.query(stopped))).toBe('away')
    await close()
  })
})

describe.runIf(ENGINES.includes('postgresql'))('a database that cannot be reached', () => {
  it('is an outage, and a read says so and nothing else', async () => {
    const { url, drop } = await createTestDatabase()
    const proxy = await startTcpProxy(url)
    const { prisma, pool, ask, askPrisma, readMigrations, close } = await openPostgres({ url: proxy.url, log: silentLog })
    await proxy.cut()
    expect(await fate(() => prisma.change.count())).toBe('away')
    expect(await fate(() => pool.query('SELECT 1'))).toBe('away')
    for (const question of [() => askPrisma(({ change }) => change.count()), () => ask('SELECT 1'), readMigrations]) {
      await expect(question()).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: 'The database is not answering. Try again later.',
      })
    }
    await close()
    await proxy.close()
    await drop()
  })
})
