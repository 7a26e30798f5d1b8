import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { anyServer, askOverHttp, launchServer } from '../testkit/server-process.js'

const KEY = generateApiKey('live')
const SETTINGS = {
  NODE_ENV: 'production',
  VALHALLA_ADMIN_KEY: KEY,
  VALHALLA_KEY_PEPPER: 'pepper'.repeat(5),
  VALHALLA_AUDIT_KEY: 'audit'.repeat(5),
  VALHALLA_DISK_RESERVE_MB: '0',
  VALHALLA_WRITE_TIMEOUT_MS: '60000',
}
const hasTools = (await usePostgres()) && spawnSync('pg_dump', ['--version']).status === 0
const PICTURE = `{ configs { nodes { key value version } } auditIntegrity { isIntact headRevision headDigest } systemStatus { revision }
  changes(first: 100) { nodes { id before after at } } }`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'valhalla-backup-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs the commands of a block of docs/operations.md, as whoever follows the page does. */
async function follow(block: string, env: Record<string, string>): Promise<void> {
  const page = await readFile('docs/operations.md', 'utf8')
  const [, commands] = new RegExp(`^\`\`\`sh ${block}\\n([^\`]+)\`\`\`$`, 'm').exec(page) ?? []
  if (commands === undefined) throw new Error(`docs/operations.md has no block ${block}`)
  execFileSync('sh', ['-euc', commands], { env: { PATH: process.env['PATH'], ...env }, stdio: 'pipe' })
}

/** Starts a server on these data, sets config entries, and tells everything that there is then; `during` is done before it stops. */
async function serve(data: Record<string, string>, keys: readonly string[], during = async (): Promise<void> => undefined) {
  const server = launchServer(anyServer(), { ...SETTINGS, ...data })
  const { url } = await server.ready
  for (const key of keys) {
    const query = `mutation { setConfig(input: { key: "${key}", value: { nested: ["${key}"] } }) { userErrors { code } } }`
    const { data: answer } = await askOverHttp(url, { key: KEY, query })
    expect(answer).toEqual({ setConfig: { userErrors: [] } })
  }
  const { data: picture, errors } = await askOverHttp(url, { key: KEY, query: PICTURE })
  expect(errors).toBeUndefined()
  await during()
  expect(await server.stop()).toBe(0)
  return picture
}

describe('what docs/operations.md says of backups', () => {
  it('brings the embedded database back as it was', async () => {
    const places = { VALHALLA_DATA_DIR: join(folder, 'data'), BACKUP: join(folder, 'copy') }
    const data = { VALHALLA_DATA_DIR: places.VALHALLA_DATA_DIR }
    const before = await serve(data, ['kept/one', 'kept/two'])
    await follow('backup-embedded', places)
    await serve(data, ['lost/three'])
    await follow('restore-embedded', places)
    expect(await serve(data, [])).toEqual(before)
    expect(before).toMatchObject({ auditIntegrity: { isIntact: true } })
  })

  it.skipIf(!hasTools)('brings PostgreSQL back as it was, dumped while a replica runs', async () => {
    const [from, to] = [await createTestDatabase(), await createTestDatabase()]
    try {
      const places = { DATABASE_URL: from.url, NEW_DATABASE_URL: to.url, BACKUP: join(folder, 'dump') }
      const before = await serve({ DATABASE_URL: from.url }, ['kept/one', 'kept/two'], () => follow('backup-postgres', places))
      await serve({ DATABASE_URL: from.url }, ['lost/three'])
      await follow('restore-postgres', places)
      expect(await serve({ DATABASE_URL: to.url }, [])).toEqual(before)
      expect(before).toMatchObject({ auditIntegrity: { isIntact: true } })
    } finally {
      await from.drop()
      await to.drop()
    }
  })
})
