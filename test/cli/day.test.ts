import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { type CliResult, createTestCli, type TestCli } from '../testkit/cli.js'
import { anyServer, launchServer, type StartingServer } from '../testkit/server-process.js'

const KEY = generateApiKey('test')

let cli: TestCli
let server: StartingServer
let data: string
let settings: Record<string, string>

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'valhalla-day-'))
  const port = String(await freePort())
  settings = { PORT: port, VALHALLA_DATA_DIR: join(data, 'data'), VALHALLA_ADMIN_KEY: KEY, VALHALLA_DISK_RESERVE_MB: '0', NODE_ENV: 'test' }
  server = launchServer(anyServer(), settings)
  await server.ready
  cli = await createTestCli({ VALHALLA_URL: `http://127.0.0.1:${port}` })
})
afterAll(async () => {
  await server.stop()
  cli.close()
  rmSync(data, { recursive: true, force: true })
})

function freePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function ok(...args: string[]): Promise<CliResult> {
  const result = await cli.run(args)
  expect({ args, code: result.code, stderr: result.stderr }).toEqual({ args, code: 0, stderr: expect.any(String) })
  return result
}

const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await ok(...args, '-o', 'json')).stdout) as T
const revision = async (): Promise<number> => (await json<{ systemStatus: { revision: number } }>('status')).systemStatus.revision

it('carries a day of operations: with the command line alone, on the server as a process', async () => {
  // The first key.
  expect((await cli.run(['login', '--key-stdin', '--profile', 'day'], { input: KEY })).code).toBe(0)
  await ok('doctor')

  // Flags, and a config entry with a schema, which holds.
  await ok('flag', 'set', 'checkout.new', '--rollout', '25', '--reason', 'trial', '--yes')
  await ok('flag', 'set', 'checkout.old', '--yes')
  await ok('config', 'set', 'limits/basket', '10', '--value-schema', '{"type":"integer","maximum":50}', '--yes')
  expect((await cli.run(['config', 'set', 'limits/basket', '51', '--yes'])).code).toBe(5)

  // A client, registered and rotated: both keys work in the overlap.
  const first = await ok('client', 'register', 'shop', '--client-type', 'script', '--role', 'evaluator', '--yes')
  const second = await ok('client', 'rotate', 'shop', '--overlap-seconds', '600', '--yes')
  for (const { stdout } of [first, second]) {
    const verdict = await cli.run(['client', 'verify', '--key-stdin', '-o', 'name'], { input: stdout })
    expect(verdict).toMatchObject({ code: 0, stdout: 'VALID\n' })
  }
  await ok('limit', 'set', 'api-key', 'client:shop', '--max-requests', '600', '--yes')

  // A window, scheduled and moved; a smoke run.
  await ok('maintenance', 'schedule', '+2d', '+3d', '--yes')
  const [window] = await json<{ id: string; startsAt: string; version: number }[]>('maintenance', 'list')
  await ok('maintenance', 'move', window?.id ?? '', '--ends-at', '+4d', '--expected-version', '1', '--yes')
  expect((await json<{ version: number }[]>('maintenance', 'list'))[0]?.version).toBe(2)
  const run = await json<{ isOk: boolean; results: unknown[] }>('smoke', 'run')
  expect([run.isOk, run.results.length > 5]).toEqual([true, true])

  // An incident: locked down, looked at, changed through the lock, let back in, and the lockdown undone.
  const before = await revision()
  await ok('maintenance', 'set', 'maintenance', '--reason', 'incident', '--yes')
  expect((await cli.run(['flag', 'off', 'checkout.new', '--yes'])).code).toBe(69)
  expect((await json<{ mode: string }>('maintenance', 'status')).mode).toBe('MAINTENANCE')
  await ok('flag', 'off', 'checkout.new', '--override-maintenance', '--reason', 'incident', '--yes')
  await ok('revert', String(before + 1), '--override-maintenance', '--reason', 'over', '--yes')
  expect((await json<{ mode: string }>('maintenance', 'status')).mode).toBe('NORMAL')

  // One flag as it was before; two revisions compared.
  await ok('restore', 'FeatureFlag', 'checkout.new', '--revision', String(before), '--yes')
  expect((await json<{ isEnabled: boolean }>('flag', 'get', 'checkout.new')).isEnabled).toBe(true)
  const diff = await cli.run(['diff', String(before + 1), String(before + 2)])
  expect({ code: diff.code, stdout: diff.stdout }).toEqual({
    code: 2,
    stdout: '~ FeatureFlag checkout.new\n    isEnabled: true -> false\n',
  })

  // Who changed a flag that is gone.
  await ok('flag', 'delete', 'checkout.old', '--reason', 'not used', '--yes')
  const changes = await json<{ action: string; reason: string | null; actor: { name: string } }[]>(
    'changes',
    'list',
    '--target-key',
    'checkout.old',
  )
  expect(changes.map(({ action, reason, actor }) => [action, reason, actor.name])).toEqual([
    ['DELETE', 'not used', 'first admin'],
    ['CREATE', null, 'first admin'],
  ])

  // Everything exported, and so already.
  const state = await ok('export')
  expect(state.stdout).toContain('API_KEY client:shop:')
  writeFileSync(join(cli.folder, 'all.yaml'), state.stdout)
  await ok('plan', 'all.yaml')
  await ok('changes', 'integrity')
})

it('follows changes across a restart of the server, each once and in order', async () => {
  const since = await revision()
  const watch = cli.run(['watch', '--since', String(since), '--count', '2', '-o', 'json'])
  await ok('flag', 'set', 'watch.one', '--yes')
  await server.kill()
  server = launchServer(anyServer(), settings)
  await server.ready
  await ok('flag', 'set', 'watch.two', '--yes')
  const { code, stdout } = await watch
  const seen = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { targetKey: string; revision: number })
  expect({ code, seen: seen.map(({ targetKey, revision: at }) => [targetKey, at]) }).toEqual({
    code: 0,
    seen: [
      ['watch.one', since + 1],
      ['watch.two', since + 2],
    ],
  })
})
