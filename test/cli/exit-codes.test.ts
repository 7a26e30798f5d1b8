import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EXIT_MEANINGS } from '../../src/cli/fault.js'
import { createTestCli, type TestCli } from '../testkit/cli.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer
let cli: TestCli
let observerKey: string

beforeAll(async () => {
  server = await startTestServer()
  cli = await createTestCli({ VALHALLA_URL: server.url, VALHALLA_KEY: server.adminKey })
  ;({ key: observerKey } = await server.addClient({ role: 'OBSERVER' }))
})
afterAll(async () => {
  cli.close()
  await server.close()
})

interface Case {
  readonly code: number
  readonly args: readonly string[]
  readonly says?: string
  readonly env?: () => Record<string, string>
}

const CASES: readonly Case[] = [
  { code: 0, args: ['--version'] },
  { code: 0, args: ['--help'] },
  { code: 0, args: ['flag', 'set', 'exit/one', '--yes'], says: 'Undo: valhalla revert' },
  { code: 0, args: ['flag', 'set', 'exit/one', '--yes'], says: 'Nothing to do' },
  { code: 0, args: ['flag', 'set', 'exit/one', '--dry-run'], says: 'No changes' },
  { code: 1, args: ['smoke', 'run', '--checks', 'exit-check'], says: 'failed' },
  { code: 1, args: ['flag', 'set', 'exit/guarded', '--guard', '--yes'], says: 'put back' },
  { code: 2, args: ['flag', 'off', 'exit/one', '--dry-run'] },
  { code: 2, args: ['diff', '3'] },
  { code: 4, args: ['flag', 'get', 'exit/none'], says: 'there is no flag "exit/none"' },
  { code: 4, args: ['flag', 'delete', 'exit/none', '--yes'] },
  { code: 4, args: ['client', 'rotate', 'nobody', '--yes'] },
  { code: 5, args: ['flag', 'set', 'Exit Bad', '--yes'], says: 'INVALID' },
  { code: 4, args: ['flag', 'on', 'exit/none', '--yes'], says: 'there is no flag "exit/none"' },
  { code: 5, args: ['flag', 'off', 'exit/one', '--expected-version', '7', '--yes'], says: 'STALE_VERSION' },
  { code: 6, args: ['status'], env: () => ({ VALHALLA_KEY: '' }) },
  { code: 6, args: ['status'], env: () => ({ VALHALLA_KEY: 'vk_test_wrong' }) },
  { code: 6, args: ['flag', 'off', 'exit/one', '--yes'], env: () => ({ VALHALLA_KEY: observerKey }), says: 'operations:run' },
  { code: 64, args: ['flga'], says: 'Did you mean flag?' },
  { code: 64, args: ['flag', 'set', 'exit/one', '--nonsense'] },
  { code: 64, args: ['flag', 'off', 'exit/one'], says: 'pass --yes to apply, or --dry-run to look only' },
  { code: 64, args: ['client', 'rotate', 'nobody'], says: 'pass --yes' },
  { code: 64, args: ['client', 'deactivate', 'nobody'], says: 'pass --yes' },
  { code: 64, args: ['revert', '1', '--guard', '--yes'], says: "unknown option '--guard'" },
  { code: 64, args: ['login'], says: '--key-stdin' },
  { code: 64, args: ['config', 'set', 'exit/value', 'no json', '--yes'] },
  { code: 64, args: ['flag', 'list', '-o', 'xml'] },
  { code: 64, args: ['api', '{ nothing }'] },
  { code: 64, args: ['plan', 'no-such-file.yaml'] },
  { code: 69, args: ['status'], env: () => ({ VALHALLA_URL: 'http://127.0.0.1:1' }), says: 'cannot be reached' },
]

describe('exit codes', () => {
  it('are those of the table', async () => {
    await cli.run(['smoke', 'set', 'exit-check', 'http', '--path', '/livez', '--expect-status', '418', '--yes'])
    for (const { code, args, says = '', env } of CASES) {
      const result = await cli.run(args, { env: env?.() ?? {} })
      expect({ args, code: result.code, stderr: result.stderr }).toEqual({ args, code, stderr: expect.stringContaining(says) })
    }
    // Ctrl-C is tried in a terminal.
    expect([...new Set([...CASES.map(({ code }) => code), 130])].sort((a, b) => a - b)).toEqual([...EXIT_MEANINGS.keys()])
  })

  it('is 69 in maintenance, which --override-maintenance goes through', async () => {
    await cli.run(['maintenance', 'set', 'read-only', '--reason', 'test', '--yes'])
    const refused = await cli.run(['flag', 'off', 'exit/one', '--yes'])
    const planned = await cli.run(['flag', 'off', 'exit/one', '--dry-run'])
    const back = await cli.run(['maintenance', 'set', 'normal', '--override-maintenance', '--reason', 'over', '--yes'])
    expect([refused.code, planned.code, back.code]).toEqual([69, 2, 0])
  })
})

describe('profiles', () => {
  const withProfile = { VALHALLA_URL: '', VALHALLA_KEY: '' }
  const file = (): string => join(cli.env['XDG_CONFIG_HOME'] ?? '', 'valhalla/config.json')

  it('are kept for their owner alone, and used when nothing else says where to go', async () => {
    const login = await cli.run(['login', '--url', server.url, '--profile', 'one', '--key-stdin'], {
      env: withProfile,
      input: server.adminKey,
    })
    expect({ code: login.code, shown: login.stdout }).toEqual({ code: 0, shown: '' })
    expect([statSync(file()).mode & 0o777, statSync(join(file(), '..')).mode & 0o777]).toEqual([0o600, 0o700])
    const status = await cli.run(['status', '-o', 'json'], { env: withProfile })
    expect(JSON.parse(status.stdout)).toMatchObject({ url: server.url, viewer: { role: 'ADMIN' } })
  })

  it('go before the environment where they are named', async () => {
    const env = { VALHALLA_URL: 'http://127.0.0.1:1', VALHALLA_KEY: observerKey }
    const status = await cli.run(['--profile', 'one', 'status', '-o', 'json'], { env })
    expect(JSON.parse(status.stdout)).toMatchObject({ url: server.url, viewer: { role: 'ADMIN' } })
    expect((await cli.run(['status', '--profile', 'one', '--url', 'http://127.0.0.1:1'])).code).toBe(69)
  })

  it('are made over plain http with a warning, but on this machine', async () => {
    const warnings = ['http://localhost', 'http://127.0.0.1', 'http://[::1]', 'http://localhost.invalid', 'http://127.0.0.1.invalid'].map(
      async (url) => (await cli.run(['login', '--url', url, '--key-stdin'], { input: 'no key' })).stderr.includes('is not https'),
    )
    expect(await Promise.all(warnings)).toEqual([false, false, false, true, true])
  })

  it('send their key nowhere but to their own address', async () => {
    const elsewhere = await cli.run(['status', '--url', server.url.replace('127.0.0.1', 'localhost')], { env: withProfile })
    expect(elsewhere).toMatchObject({ code: 6, stdout: '' })
  })

  it('demand a reason where they are production', async () => {
    await cli.run(['login', '--url', server.url, '--profile', 'prod', '--key-stdin', '--production'], {
      env: withProfile,
      input: server.adminKey,
    })
    const silent = await cli.run(['flag', 'set', 'exit/prod', '--yes'], { env: withProfile })
    const told = await cli.run(['flag', 'set', 'exit/prod', '--yes', '--reason', 'because'], { env: withProfile })
    expect([silent.code, told.code]).toEqual([64, 0])
    expect(silent.stderr).toContain('pass --reason')
  })

  it('are refused where others can read them', async () => {
    chmodSync(file(), 0o644)
    const refused = await cli.run(['status'], { env: withProfile })
    expect(refused).toMatchObject({ code: 64, stdout: '' })
    expect(refused.stderr).toContain('chmod 600')
    chmodSync(file(), 0o600)
  })

  it('are forgotten one by one, and none steps in the place of the current one', async () => {
    await cli.run(['logout'], { env: withProfile })
    const listed = await cli.run(['profile', 'list'], { env: withProfile })
    expect(listed.stdout).toBe(`one\t${server.url}\t\t\n`)
    expect(readFileSync(file(), 'utf8')).not.toContain('prod')
  })

  it('are not read from the working directory', async () => {
    const folder = join(cli.folder, 'stranger')
    mkdirSync(folder, { recursive: true })
    const stranger = { current: 'one', profiles: { one: { url: 'http://127.0.0.1:1', key: 'vk_test_wrong', isProduction: false } } }
    for (const name of ['.valhalla.json', 'config.json', 'valhalla.json'])
      writeFileSync(join(folder, name), JSON.stringify(stranger), { mode: 0o600 })
    writeFileSync(join(folder, '.env'), 'VALHALLA_PROFILE=nobody\nXDG_CONFIG_HOME=.\n')
    const named = await cli.run(['--profile', 'one', 'status'], { cwd: folder, env: withProfile })
    const unnamed = await cli.run(['status'], { cwd: folder })
    expect([named, unnamed]).toMatchObject([{ code: 0 }, { code: 0 }])
  })
})
