import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openClientLedger, settingsOf } from '../../../../test/testkit/api-clients.js'
import { createTestDatabase, ENGINES, openTestDatabase, silentLog } from '../../../../test/testkit/databases.js'
import { anyProgram } from '../../../../test/testkit/server-process.js'
import { SYSTEM_CALLER } from '../../../core/contract/caller.js'
import type { Database } from '../../../core/database/database.js'
import { openEmbedded } from '../../../core/database/embedded/embedded.js'
import { openPostgres } from '../../../core/database/postgres/postgres.js'
import { ChangeLog } from '../../../core/ledger/change-log.js'
import type { Ledger } from '../../../core/ledger/ledger.js'
import { systemClock } from '../../../core/platform/clock.js'
import { apiClientCollection } from '../api-client.collection.js'
import { generateApiKey, parseApiKey } from '../keys/api-key.js'
import { verifyKey } from '../keys/verify-key.js'
import { resetAdmin } from './admin-reset.js'
import { ensureFirstAdmin } from './first-admin.js'

/** Runs a host command with nothing but `env` in its environment. */
function run(
  entry: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { PATH: String(process.env['PATH']), ...env } }
    const child = execFile(process.execPath, [...anyProgram(entry), ...args], options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

const clientsOf = (ledger: Ledger) => [...ledger.snapshot.view(apiClientCollection).values()]
const check = (ledger: Ledger, keyText: string, pepper?: string) => verifyKey(ledger.snapshot, keyText, { now: systemClock.now(), pepper })

describe.each(ENGINES)('resetting the admin on %s', (engine) => {
  let database: Database
  beforeEach(async () => {
    database = await openTestDatabase(engine)
  })
  afterEach(() => database.close())

  it('adds an admin with a new key, leaves the others alone, and is in the change log', async () => {
    const { ledger, log } = await openClientLedger(database)
    const settings = settingsOf({
      NODE_ENV: 'production',
      VALHALLA_KEY_PEPPER: 'a pepper of some length',
      VALHALLA_AUDIT_KEY: 'an audit key of some length',
      VALHALLA_ADMIN_KEY: generateApiKey('live'),
    })
    await ensureFirstAdmin({ settings, clock: systemClock, log, ledger }, SYSTEM_CALLER)
    const [first] = clientsOf(ledger)

    const { client, keyText } = await resetAdmin({ ledger, settings, reason: 'the laptop was stolen' })
    expect(check(ledger, keyText, settings.keyPepper)).toEqual({ verdict: 'VALID', client, keyId: client.keyId })
    expect(keyText).toMatch(/^vk_live_/)
    expect(client).toMatchObject({
      role: 'ADMIN',
      clientType: 'SCRIPT',
      isActive: true,
      name: `admin reset ${client.createdAt.toISOString()}`,
    })
    expect(clientsOf(ledger)).toEqual([first, client])
    const [change] = await new ChangeLog(database).page({}, { take: 1 })
    expect(change).toMatchObject({
      operation: 'resetAdminAccess',
      reason: 'the laptop was stolen',
      targetId: client.id,
      actor: { id: 'system' },
      isRevertible: false,
    })
    expect(JSON.stringify(change)).not.toContain(keyText.split('_')[3])
  })
})

describe('the host commands', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'valhalla-admin-reset-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('admin:key prints a key and nothing else', async () => {
    const live = await run('admin-key', [])
    const test = await run('admin-key', ['--test'])
    expect([live, test].map(({ code, stdout }) => [code, parseApiKey(stdout.slice(0, -1))?.env, stdout.at(-1)])).toEqual([
      [0, 'live', '\n'],
      [0, 'test', '\n'],
    ])
  })

  it.each(['admin-key', 'admin-reset'])(
    '%s ends with 64 and one line for what it does not know, and tells what there is',
    async (entry) => {
      const { code, stdout, stderr } = await run(entry, ['--tset'])
      expect({ code, stdout, stderr }).toEqual({ code: 64, stdout: '', stderr: "Unknown option '--tset'; --help shows what there is\n" })
      const help = await run(entry, ['--help'])
      expect([help.code, help.stdout + help.stderr]).toEqual([0, expect.stringMatching(/^Usage: npm run --silent admin:\w+ -- .+\n$/)])
    },
  )

  it('admin:reset without --yes says what it would do, and does nothing', async () => {
    const { code, stdout, stderr } = await run('admin-reset', [], { VALHALLA_DATA_DIR: join(folder, 'data') })
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toContain('Nothing was done')
  })

  it('admin:reset ends with 78 and one line a fault when the settings cannot be used', async () => {
    const { code, stdout, stderr } = await run('admin-reset', ['--yes'], { PORT: 'none' })
    expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({ code: 78, stdout: '', lines: 1 })
  })

  it('admin:reset makes no database where there is none', async () => {
    const { code, stdout, stderr } = await run('admin-reset', ['--yes'], { VALHALLA_DATA_DIR: join(folder, 'data') })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('There is no database')
  })

  it('admin:reset waits for the server to let go of an embedded database, and then works', async () => {
    const dataDir = join(folder, 'data')
    const env = { VALHALLA_DATA_DIR: dataDir, VALHALLA_DISK_RESERVE_MB: '0' }
    const open = () => openEmbedded({ dataDir, reserveBytes: 0, log: silentLog, clock: systemClock })
    const server = await open()
    const refused = await run('admin-reset', ['--yes'], env)
    await server.close()
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('Stop the server')

    const { code, stdout } = await run('admin-reset', ['--yes'], env)
    expect(code).toBe(0)
    const again = await open()
    const { ledger } = await openClientLedger(again)
    expect(check(ledger, stdout.trim())).toMatchObject({ verdict: 'VALID', client: { role: 'ADMIN' } })
    await again.close()
  })

  it.runIf(ENGINES.includes('postgresql'))('admin:reset works on PostgreSQL while servers run, which follow it', async () => {
    const server = await createTestDatabase()
    const database = await openPostgres({ url: server.url, log: silentLog })
    const { ledger } = await openClientLedger(database)
    try {
      const { code, stdout, stderr } = await run('admin-reset', ['--yes', '--reason', 'lost it'], { DATABASE_URL: server.url })
      expect({ code, lines: stdout.split('\n').length }).toEqual({ code: 0, lines: 2 })
      expect(stderr).not.toContain(stdout.trim())
      await ledger.poll()
      expect(check(ledger, stdout.trim())).toMatchObject({ verdict: 'VALID', client: { role: 'ADMIN' } })
      expect(await new ChangeLog(database).page({}, { take: 2 })).toMatchObject([{ operation: 'resetAdminAccess', reason: 'lost it' }])
    } finally {
      await database.close()
      await server.drop()
    }
  })
})
