import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestCli, type TestCli } from '../testkit/cli.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { startTcpProxy } from '../testkit/tcp-proxy.js'

const ESCAPE = '\u001b['
const CTRL_C = '\u0003'

let server: TestServer
let cli: TestCli

beforeAll(async () => {
  server = await startTestServer()
  cli = await createTestCli({ VALHALLA_URL: server.url, VALHALLA_KEY: server.adminKey })
  await cli.run(['flag', 'set', 'term/one', '--description', 'a\u001b[31mred\ttab\nline', '--yes'])
})
afterAll(async () => {
  cli.close()
  await server.close()
})

const revision = async (): Promise<number> => {
  const { stdout } = await cli.run(['status', '-o', 'json'])
  return (JSON.parse(stdout) as { systemStatus: { revision: number } }).systemStatus.revision
}

describe('in a terminal', () => {
  it('asks before it changes anything, and applies on yes', async () => {
    const session = cli.terminal(['flag', 'off', 'term/one'])
    await session.shows('Apply this?')
    session.type('y')
    const { code, stdout } = await session.ended()
    expect(code).toBe(0)
    expect(stdout).toContain('isEnabled: true -> false')
    expect(stdout).toContain('Undo: valhalla revert')
  })

  it('changes nothing on no, and ends with 1', async () => {
    const before = await revision()
    const session = cli.terminal(['flag', 'on', 'term/one'])
    await session.shows('Apply this?')
    session.type('n')
    expect((await session.ended()).code).toBe(1)
    expect(await revision()).toBe(before)
  })

  it('changes nothing on Ctrl-C, and ends with 130', async () => {
    const before = await revision()
    const session = cli.terminal(['flag', 'on', 'term/one'])
    await session.shows('Apply this?')
    session.type(CTRL_C)
    expect((await session.ended()).code).toBe(130)
    expect(await revision()).toBe(before)
  })

  it('ends with 130 on Ctrl-C while it waits', async () => {
    const session = cli.terminal(['watch', '--since', '0'])
    await session.shows('term/one')
    session.type(CTRL_C)
    expect((await session.ended()).code).toBe(130)
  })

  it('shows headers and colours, but obeys nothing that the server sent', async () => {
    const { stdout } = await cli.terminal(['flag', 'list']).ended()
    expect(stdout).toContain(`${ESCAPE}1mKEY`)
    expect(stdout).toContain('a\\u001b[31mred\\ttab\\nline')
    expect(stdout).not.toContain(`${ESCAPE}31m`)
  })

  it('shows no colour with NO_COLOR or on a dumb terminal', async () => {
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }] as Record<string, string>[]) {
      const { stdout } = await cli.terminal(['flag', 'list'], { env }).ended()
      expect(stdout).toContain('KEY')
      expect(stdout).not.toContain(ESCAPE)
    }
  })

  it('takes a key without showing it', async () => {
    const session = cli.terminal(['login', '--profile', 'term'], { env: { VALHALLA_KEY: '' } })
    await session.shows('API key')
    session.type(`${server.adminKey}\r`)
    const { code, stdout } = await session.ended()
    expect(code).toBe(0)
    expect(stdout).toContain('Logged in')
    expect(stdout).not.toContain(server.adminKey)
  })
})

describe('in a pipe', () => {
  it('prints rows alone: tab-separated, without a header, colours or words', async () => {
    const { stdout, stderr } = await cli.run(['flag', 'list'])
    expect(stdout.split('\t').slice(0, 3)).toEqual(['term/one', 'default', 'off'])
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(`${stdout}${stderr}`).not.toContain('\u001b')
    expect(stderr).toBe('')
  })

  it('prints colours where FORCE_COLOR wants them', async () => {
    const { stdout } = await cli.run(['flag', 'on', 'term/one', '--dry-run'], { env: { FORCE_COLOR: '1' } })
    expect(stdout).toContain(`${ESCAPE}33m~`)
  })

  it('prints what the schema has as JSON and YAML, and names alone as names', async () => {
    const [json, yaml, name] = await Promise.all(['json', 'yaml', 'name'].map((format) => cli.run(['flag', 'list', '-o', format])))
    expect(JSON.parse(json?.stdout ?? '')).toMatchObject([{ key: 'term/one', isEnabled: false, strategies: [] }])
    expect(yaml?.stdout).toContain('key: term/one\n')
    expect(name?.stdout).toBe('term/one\n')
  })

  it('prints the plan as JSON and YAML too where there is nothing to do', async () => {
    const plannedAtRevision = await revision()
    const already = ['flag', 'set', 'term/one', '--yes', '-o']
    const [json, yaml] = await Promise.all(['json', 'yaml'].map((format) => cli.run([...already, format])))
    expect(JSON.parse(json?.stdout ?? '')).toEqual({ plan: [], plannedAtRevision })
    expect(yaml).toMatchObject({ code: 0, stdout: `plan: []\nplannedAtRevision: ${plannedAtRevision}\n` })
  })

  it("shows the system's own version in a plan, and no counter of edits", async () => {
    const { code, stdout } = await cli.run(['system', 'version', '97.0.0', '--dry-run'])
    expect({ code, stdout }).toEqual({
      code: 2,
      stdout: expect.stringMatching(/^~ SystemStatus system\n {4}version: "[^"]+" -> "97.0.0"\n$/),
    })
    await cli.run(['system', 'version', '97.0.0', '--yes'])
    const changes = await cli.run(['changes', 'list', '--target-type', 'SystemStatus'])
    expect(changes.stdout.split('\t')[7]).toBe('version')
  })

  it('obeys no name that the server sent, whatever it says', async () => {
    const { key } = await server.addClient({ name: 'evil\u001b[31m', role: 'OBSERVER' })
    const login = await cli.run(['login', '--profile', 'evil', '--key-stdin'], { input: key })
    const rotated = await cli.run(['client', 'rotate', 'evil\u001b[31m', '--yes'])
    for (const { code, stderr } of [login, rotated]) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('evil\\u001b[31m') })
      expect(stderr).not.toContain('\u001b')
    }
  })

  it('follows changes as they are made, one JSON object a line', async () => {
    const since = await revision()
    const watch = cli.run(['watch', '--since', String(since), '--count', '2', '-o', 'json'])
    await cli.run(['flag', 'on', 'term/one', '--yes'])
    await cli.run(['flag', 'off', 'term/one', '--yes'])
    const { code, stdout } = await watch
    const seen = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id)
    expect({ code, seen }).toEqual({ code: 0, seen: [`${since + 1}.0`, `${since + 2}.0`] })
  })
})

describe.runIf(await usePostgres())('while the database is away', () => {
  it('watch waits, and shows what there is when it is back', async () => {
    const database = await createTestDatabase()
    const proxy = await startTcpProxy(database.url)
    const away = await startTestServer({ DATABASE_URL: proxy.url })
    const env = { VALHALLA_URL: away.url, VALHALLA_KEY: away.adminKey }
    await cli.run(['flag', 'set', 'away/one', '--yes'], { env })
    await proxy.cut()
    const watch = cli.terminal(['watch', '--since', '0', '--count', '1', '-o', 'name'], { env })
    await watch.shows('trying again behind revision 0')
    await proxy.restore()
    expect(await watch.ended()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1\.0\r$/m) })
    await away.close()
    await proxy.close()
    await database.drop()
  })
})
