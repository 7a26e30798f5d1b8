import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../src/core/platform/clock.js'
import { missingSql } from './schema-engine.js'

/** `npm run migration:new -- <name>`: writes what the migrations lack against the Prisma schema into a new migration. */
const name = process.argv[2] ?? ''
if (!/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('usage: npm run migration:new -- <name>, a name such as add_rate_limits')
  process.exit(2)
}

const paths = { schema: resolve('prisma'), migrations: resolve('prisma/migrations') }
mkdirSync(paths.migrations, { recursive: true })
const sql = await missingSql(paths)
if (sql === null) {
  console.log('nothing to write: the migrations already build what the Prisma schema says')
} else {
  const stamp = systemClock.now().toISOString().replace(/\D/g, '').slice(0, 14)
  const folder = join(paths.migrations, `${stamp}_${name}`)
  mkdirSync(folder)
  writeFileSync(join(folder, 'migration.sql'), sql)
  console.log(`wrote ${join(folder, 'migration.sql')}: read it before you commit it`)
}
