import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestCli, type TestCli } from '../testkit/cli.js'
import { anyServer } from '../testkit/server-process.js'

const CTRL_C = '\u0003'

let cli: TestCli
let data: string

beforeAll(async () => {
  cli = await createTestCli()
  data = mkdtempSync(join(tmpdir(), 'valhalla-serve-'))
  // In the place where the server lies beside the command line as it is shipped: the server, built or not.
  const program = anyServer()
  const loader = program.includes('tsx') ? [createRequire(import.meta.url).resolve('tsx')] : []
  const files = [...loader, program.at(-1) ?? ''].map((file) => `await import(${JSON.stringify(pathToFileURL(file).href)})\n`)
  mkdirSync(join(cli.folder, 'dist'), { recursive: true })
  writeFileSync(join(cli.folder, 'dist/main.js'), files.join(''))
})
afterAll(() => {
  cli.close()
  rmSync(data, { recursive: true, force: true })
})

describe('serve', () => {
  it('ends with grace on Ctrl-C, which the terminal sends to the server as well', async () => {
    const settings = { VALHALLA_DATA_DIR: data, VALHALLA_DISK_RESERVE_MB: '0', VALHALLA_ADMIN_KEY: generateApiKey('test') }
    const env = { HOST: '127.0.0.1', NODE_ENV: 'test', ...settings }
    const session = cli.terminal(['serve', '--port', '0'], { cwd: process.cwd(), env })
    await session.shows('"ready')
    session.type(CTRL_C)
    const { code, stdout } = await session.ended()
    // The last lines may overtake each other where the terminal is slow to take them; their times tell.
    expect([code, [...stdout.matchAll(/"msg":"(stop\w+)"/g)].map(([, message]) => message).sort()]).toEqual([0, ['stopped', 'stopping']])
  })
})
