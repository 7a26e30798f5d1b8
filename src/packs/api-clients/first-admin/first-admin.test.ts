import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openClientLedger, settingsOf } from '../../../../test/testkit/api-clients.js'
import { createTestDatabase, openOwnDatabase, openTestDatabase, silentLog, usePostgres } from '../../../../test/testkit/databases.js'
import { SYSTEM_CALLER } from '../../../core/contract/caller.js'
import type { Database } from '../../../core/database/database.js'
import { openPostgres } from '../../../core/database/postgres/postgres.js'
import { ChangeLog } from '../../../core/ledger/change-log.js'
import type { Ledger } from '../../../core/ledger/ledger.js'
import { systemClock } from '../../../core/platform/clock.js'
import { apiClientCollection } from '../api-client.collection.js'
import { generateApiKey } from '../keys/api-key.js'
import { verifyKey } from '../keys/verify-key.js'
import { adminKeyFile, ensureFirstAdmin, FirstAdminError } from './first-admin.js'

const KEYS = /vk_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}/g
const PEPPER = 'a pepper of some length'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'valhalla-first-admin-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A terminal, or a pipe, and what was written to it. */
function outputOf(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, written, write: (text: string) => written.push(text) }
}

/** A control plane that is about to start. */
async function starting(database: Database, env: Record<string, string> = {}) {
  const settings = settingsOf({ VALHALLA_DATA_DIR: join(folder, 'data'), VALHALLA_KEY_PEPPER: PEPPER, ...env })
  const { ledger, log, lines } = await openClientLedger(database)
  const terminal = outputOf(false)
  return {
    ledger,
    lines,
    terminal,
    path: adminKeyFile(settings),
    start: (output = terminal) => ensureFirstAdmin({ settings, clock: systemClock, log, ledger }, SYSTEM_CALLER, output),
  }
}

const clientsOf = (ledger: Ledger) => [...ledger.snapshot.view(apiClientCollection).values()]
const verdictOf = (ledger: Ledger, keyText: string) =>
  verifyKey(ledger.snapshot, keyText, { now: systemClock.now(), pepper: PEPPER }).verdict
const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

describe('the first start on an embedded database', () => {
  let database: Database
  beforeEach(async () => {
    database = await openTestDatabase('pglite')
  })
  afterEach(() => database.close())

  it('registers one admin, whose key is in a file that only its owner can read', async () => {
    const { ledger, lines, path, terminal, start } = await starting(database)
    const umask = process.umask(0)
    await start().finally(() => process.umask(umask))

    const keyText = (await readFile(path, 'utf8')).trim()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(keyText).toMatch(/^vk_test_/)
    expect(verdictOf(ledger, keyText)).toBe('VALID')
    expect(clientsOf(ledger)).toMatchObject([{ name: 'first admin', clientType: 'SCRIPT', role: 'ADMIN', isActive: true, expiresAt: null }])
    expect(lines.flatMap((line) => JSON.parse(line).path ?? [])).toEqual([path])
    expect(lines.join('').match(KEYS)).toBe(null)
    expect(terminal.written).toEqual([])
  })

  it('is in the change log, as done by the system, with no key and no way back', async () => {
    const { path, start } = await starting(database)
    await start()
    const changes = await new ChangeLog(database).page({}, { take: 10 })
    expect(changes).toMatchObject([
      {
        operation: 'registerFirstAdmin',
        action: 'CREATE',
        targetType: 'ApiClient',
        pack: 'UD',
        actor: { id: 'system' },
        isRevertible: false,
      },
    ])
    const secret = (await readFile(path, 'utf8')).trim().split('_')[3]
    const stored = await database.pool.query<{ text: string }>(
      'SELECT (SELECT json_agg(c) FROM changes c)::text || (SELECT json_agg(a) FROM api_clients a)::text AS text',
    )
    expect(stored.rows[0]?.text).toContain('first admin')
    expect(stored.rows[0]?.text).not.toContain(secret)
  })

  it('shows the key once on a terminal, and writes no file', async () => {
    const { ledger, lines, path, start } = await starting(database)
    const terminal = outputOf(true)
    await start(terminal)
    const [keyText, ...others] = terminal.written.join('').match(KEYS) ?? []
    expect(others).toEqual([])
    expect(verdictOf(ledger, String(keyText))).toBe('VALID')
    expect(await isThere(path)).toBe(false)
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['committed'])
    expect(lines.join('').match(KEYS)).toBe(null)
  })

  it('makes a live key in production', async () => {
    const { path, start } = await starting(database, { NODE_ENV: 'production', VALHALLA_ALLOW_UNKEYED: 'true' })
    await start()
    expect(await readFile(path, 'utf8')).toMatch(/^vk_live_/)
  })

  it('takes the key of the settings, and hands nothing over', async () => {
    const keyText = generateApiKey('live')
    const { ledger, lines, path, start } = await starting(database, { VALHALLA_ADMIN_KEY: keyText })
    const terminal = outputOf(true)
    await start(terminal)
    expect(verdictOf(ledger, keyText)).toBe('VALID')
    expect(terminal.written).toEqual([])
    expect(await isThere(path)).toBe(false)
    expect(lines.join('').match(KEYS)).toBe(null)
  })

  it('ends, without showing it, when the key of the settings has a wrong checksum', async () => {
    const [right, wrong] = [generateApiKey('live'), generateApiKey('live')]
    const mixed = `${right.slice(0, -6)}${wrong.slice(-6)}`
    const { ledger, start } = await starting(database, { VALHALLA_ADMIN_KEY: mixed })
    const failure = await start().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(FirstAdminError)
    expect(String(failure)).toContain('VALHALLA_ADMIN_KEY')
    expect(String(failure)).not.toContain(mixed.split('_')[3])
    expect(clientsOf(ledger)).toEqual([])
  })

  it('happens once: starting again makes no client and no file', async () => {
    const first = await starting(database)
    await first.start()
    await rm(first.path)
    const again = await starting(database, { VALHALLA_ADMIN_KEY: generateApiKey('live') })
    await again.start()
    expect(clientsOf(again.ledger)).toEqual(clientsOf(first.ledger))
    expect(again.ledger.snapshot.revision).toBe(1)
    expect(await isThere(first.path)).toBe(false)
  })

  it('takes the key that a start which died left in the file', async () => {
    const { ledger, path, start } = await starting(database)
    const left = generateApiKey('test')
    await writeFile(path, `${left}\n`, { mode: 0o600 })
    await start()
    expect(verdictOf(ledger, left)).toBe('VALID')
    expect(await readFile(path, 'utf8')).toBe(`${left}\n`)
  })

  it.each([
    ['others may read', async (path: string) => chmod(path, 0o644), /open to others/],
    ['holds no key', async (path: string) => writeFile(path, 'something else'), /holds no API key/],
  ])('ends when there is a file that %s', async (_, spoil, reason) => {
    const { ledger, path, start } = await starting(database)
    await writeFile(path, generateApiKey('test'), { mode: 0o600 })
    await spoil(path)
    await expect(start()).rejects.toThrow(reason)
    expect(clientsOf(ledger)).toEqual([])
  })

  it('ends when the key can be kept nowhere', async () => {
    const { ledger, start } = await starting(database, { VALHALLA_DATA_DIR: '/dev/null/data' })
    await expect(start()).rejects.toThrow(FirstAdminError)
    expect(clientsOf(ledger)).toEqual([])
  })

  it('keeps the file when the write is not confirmed: it may have landed', async () => {
    const own = await openOwnDatabase('pglite')
    const { path, start } = await starting(own)
    await own.close()
    await expect(start()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await readFile(path, 'utf8')).toMatch(KEYS)
  })
})

describe.runIf(await usePostgres())('replicas that start at once on PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof createTestDatabase>>
  let databases: Database[]
  beforeEach(async () => {
    server = await createTestDatabase()
    databases = []
    for (let i = 0; i < 3; i += 1) databases.push(await openPostgres({ url: server.url, log: silentLog }))
  })
  afterEach(async () => {
    for (const database of databases) await database.close()
    await server.drop()
  })

  it('end with one client; only the file with its key is left', async () => {
    const replicas = await Promise.all(databases.map((database, i) => starting(database, { VALHALLA_DATA_DIR: join(folder, `data-${i}`) })))
    await Promise.all(replicas.map(({ start }) => start()))
    const left: string[] = []
    for (const { ledger, path } of replicas) {
      await ledger.catchUp()
      expect(clientsOf(ledger)).toHaveLength(1)
      if (await isThere(path)) left.push(await readFile(path, 'utf8'))
    }
    expect(left.map((text) => verdictOf((replicas[0] as { ledger: Ledger }).ledger, text.trim()))).toEqual(['VALID'])
  })

  it('end with one client and its key in the file, when they share a data directory', async () => {
    const replicas = await Promise.all(databases.map((database) => starting(database)))
    await Promise.all(replicas.map(({ start }) => start()))
    for (const { ledger, path } of replicas) {
      await ledger.catchUp()
      expect(clientsOf(ledger)).toHaveLength(1)
      expect(verdictOf(ledger, (await readFile(path, 'utf8')).trim())).toBe('VALID')
    }
  })

  it('end with one client, when they share VALHALLA_ADMIN_KEY', async () => {
    const keyText = generateApiKey('live')
    const replicas = await Promise.all(databases.map((database) => starting(database, { VALHALLA_ADMIN_KEY: keyText })))
    await Promise.all(replicas.map(({ start }) => start()))
    for (const { ledger } of replicas) {
      await ledger.catchUp()
      expect(clientsOf(ledger)).toHaveLength(1)
      expect(verdictOf(ledger, keyText)).toBe('VALID')
    }
  })
})
