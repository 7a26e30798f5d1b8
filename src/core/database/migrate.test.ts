import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES, openEmptySession } from '../../../test/testkit/databases.js'
import { type Migration, MigrationError, migrate, migrationsFolder, readMigrations } from './migrate.js'

const ONE: Migration = { name: '20260101000000_one', sql: 'CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\n' }
const TWO: Migration = { name: '20260102000000_two', sql: 'CREATE TABLE two (id int);\n' }
const BROKEN: Migration = { name: '20260103000000_broken', sql: 'CREATE TABLE three (id int);\nINSERT INTO nowhere VALUES (1);\n' }

describe.each(ENGINES)('migrate on %s', (engine) => {
  let session: Awaited<ReturnType<typeof openEmptySession>>
  beforeEach(async () => {
    session = await openEmptySession(engine)
  })
  afterEach(() => session.close())

  const tables = async () => {
    const { rows } = await session.client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    )
    return rows.map(({ name }) => name)
  }

  it('applies what is lacking, once', async () => {
    expect(await migrate(session.client, [ONE])).toEqual({ applied: [ONE.name], fresh: [ONE.name], pending: [], ahead: [] })
    expect(await migrate(session.client, [ONE, TWO])).toEqual({ applied: [ONE.name, TWO.name], fresh: [TWO.name], pending: [], ahead: [] })
    expect(await migrate(session.client, [ONE, TWO])).toEqual({ applied: [ONE.name, TWO.name], fresh: [], pending: [], ahead: [] })
    expect(await tables()).toEqual(['_prisma_migrations', 'one', 'two'])
    expect((await session.client.query('SELECT id FROM one')).rows).toEqual([{ id: 1 }])
  })

  it('leaves nothing of a migration that fails, and keeps those before it', async () => {
    await expect(migrate(session.client, [ONE, BROKEN])).rejects.toThrow(
      new MigrationError(`migration ${BROKEN.name} failed: relation "nowhere" does not exist`),
    )
    expect(await tables()).toEqual(['_prisma_migrations', 'one'])
    const mended = { name: BROKEN.name, sql: TWO.sql }
    expect((await migrate(session.client, [ONE, mended])).fresh).toEqual([BROKEN.name])
  })

  it('refuses a migration that was edited after it was applied, before anything else is applied', async () => {
    await migrate(session.client, [ONE])
    await expect(migrate(session.client, [{ ...ONE, sql: `${ONE.sql}-- edited\n` }, TWO])).rejects.toThrow(
      `migration ${ONE.name} was edited after it was applied`,
    )
    expect(await tables()).toEqual(['_prisma_migrations', 'one'])
  })

  it('does not take other line ends for an edit', async () => {
    await migrate(session.client, [ONE])
    expect((await migrate(session.client, [{ ...ONE, sql: ONE.sql.replaceAll('\n', '\r\n') }])).fresh).toEqual([])
  })

  it('refuses to go on after a migration that failed halfway under Prisma Migrate', async () => {
    await migrate(session.client, [ONE])
    await session.client.query(`UPDATE _prisma_migrations SET finished_at = NULL, logs = 'syntax error'`)
    await expect(migrate(session.client, [ONE, TWO])).rejects.toThrow(
      `migration ${ONE.name} failed earlier; settle it with "prisma migrate resolve": syntax error`,
    )
    expect(await tables()).toEqual(['_prisma_migrations', 'one'])
  })

  it('applies a migration again that was marked as rolled back', async () => {
    await migrate(session.client, [TWO])
    await session.client.query('UPDATE _prisma_migrations SET rolled_back_at = now(); DROP TABLE two')
    expect((await migrate(session.client, [TWO])).fresh).toEqual([TWO.name])
  })

  it('reports what only a newer build knows, and leaves it', async () => {
    await migrate(session.client, [ONE, TWO])
    expect(await migrate(session.client, [ONE])).toEqual({ applied: [ONE.name, TWO.name], fresh: [], pending: [], ahead: [TWO.name] })
  })

  it('applies the project’s own migrations: the ledger starts at revision 0', async () => {
    const own = readMigrations(migrationsFolder())
    expect((await migrate(session.client, own)).fresh).toEqual(own.map(({ name }) => name))
    expect((await session.client.query('SELECT revision, digest FROM ledger_head')).rows).toEqual([{ revision: 0, digest: '0'.repeat(64) }])
  })
})

describe.runIf(ENGINES.includes('postgresql'))('processes that migrate one PostgreSQL database', () => {
  const clients: pg.Client[] = []
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  beforeEach(async () => {
    database = await createTestDatabase()
    for (let count = 0; count < 5; count += 1) {
      const client = new pg.Client(database.url)
      await client.connect()
      clients.push(client)
    }
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()))
    await database.drop()
  })

  it('take turns: one applies, the others find nothing to do', async () => {
    const slow = { name: ONE.name, sql: `SELECT pg_sleep(0.3);\n${ONE.sql}` }
    const reports = await Promise.all(clients.map((client) => migrate(client, [slow])))
    expect(reports.map(({ fresh }) => fresh.length).sort()).toEqual([0, 0, 0, 0, 1])
    expect(reports.every(({ applied }) => applied.length === 1)).toBe(true)
  })

  it('give up when another one does not end', async () => {
    const [one, other] = clients as [pg.Client, pg.Client]
    await one.query('SELECT pg_advisory_lock(72707369)')
    await expect(migrate(other, [ONE], { lockTimeoutMs: 300 })).rejects.toThrow(
      'another process has been migrating this database for too long',
    )
    await one.query('SELECT pg_advisory_unlock(72707369)')
    expect((await migrate(other, [ONE])).fresh).toEqual([ONE.name])
  })
})

describe('the migrations of this project', () => {
  it('are found from this module upward', () => {
    expect(readFileSync(join(migrationsFolder(), 'migration_lock.toml'), 'utf8')).toContain('provider = "postgresql"')
    expect(readMigrations(migrationsFolder())[0]?.name).toMatch(/^\d{14}_init$/)
  })

  it('are none in an empty folder', () => {
    const folder = mkdtempSync(join(tmpdir(), 'valhalla-test-'))
    expect(readMigrations(folder)).toEqual([])
    rmSync(folder, { recursive: true })
  })
})
