import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { createTestDatabase, usePostgres } from '../../test/testkit/databases.js'
import type { Contestant } from '../contest.js'
import { TOGGLED_KEYS } from '../flags.js'
import { type MeasuredProcess, startMeasured } from '../servers/measured-process.js'
import { installed, orNone } from './install.js'

const NAME = 'Keystone 8.1.0'
const TOGGLED = TOGGLED_KEYS.slice(0, 64)

/** A list like this project's flags; whoever asks may write. */
const CONFIG = `import { config, list } from '@keystone-6/core'
import { allowAll } from '@keystone-6/core/access'
import { checkbox, text } from '@keystone-6/core/fields'
import { PrismaPg } from '@prisma/adapter-pg'

const url = process.env.DATABASE_URL ?? ''
export default config({
  db: { provider: 'postgresql', url, prismaClientOptions: () => ({ adapter: new PrismaPg({ connectionString: url }) }) },
  ui: { isDisabled: true },
  lists: { Flag: list({ access: allowAll, fields: { key: text({ isIndexed: 'unique' }), isEnabled: checkbox() } }) },
})
`
/** What its own tool makes of that; the tool wants to download a program for it. */
const TABLE = `CREATE TABLE "Flag" (id text PRIMARY KEY, key text NOT NULL DEFAULT '' UNIQUE, "isEnabled" boolean NOT NULL DEFAULT false)`
const SET = 'mutation ($key: String!, $on: Boolean!) { updateFlag(where: { key: $key }, data: { isEnabled: $on }) { key isEnabled } }'

/** Its generated mutation switches flags on and off, on a database of its own. */
export async function keystoneUpdates(): Promise<readonly Contestant[]> {
  if (!(await usePostgres())) return []
  return orNone(NAME, async () => {
    const cwd = installed('keystone')
    const database = await createTestDatabase()
    try {
      await fill(database.url)
      const started = await start(cwd, database.url)
      const stop = async (): Promise<void> => {
        await started.stop()
        await database.drop()
      }
      const groups = TOGGLED.map((key) =>
        [false, true].map((on) => ({
          body: JSON.stringify({ query: SET, variables: { key, on } }),
          answer: JSON.stringify({ data: { updateFlag: { key, isEnabled: on } } }),
        })),
      )
      const to = { host: '127.0.0.1', port: Number(new URL(started.url).port), path: '/api/graphql', headers: {} }
      return [{ name: `${NAME}, update`, server: { ...started, stop }, to, groups }]
    } catch (error) {
      await database.drop()
      throw error
    }
  })
}

function start(cwd: string, databaseUrl: string): Promise<MeasuredProcess> {
  writeFileSync(join(cwd, 'keystone.ts'), CONFIG)
  const { PATH = '', HOME = '' } = process.env
  // Prisma's tool looks for its schema engine before it does what needs none of it; where it cannot be downloaded, any program will do.
  const env = { PATH, HOME, DATABASE_URL: databaseUrl, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, NODE_ENV: 'production' }
  const cli = join(cwd, 'node_modules/@keystone-6/core/bin/cli.js')
  execFileSync(process.execPath, [cli, 'build', '--no-ui'], { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
  return startMeasured({ args: [new URL('./keystone-server.mjs', import.meta.url).pathname], env, cwd })
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(TABLE)
    await client.query('INSERT INTO "Flag" SELECT key, key, true FROM unnest($1::text[]) key', [TOGGLED])
  } finally {
    await client.end()
  }
}
