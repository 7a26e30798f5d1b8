import { resolve } from 'node:path'
import { missingSql } from './schema-engine.js'

/** `tsx scripts/migration-drift.ts [folder]`: fails, and prints the SQL, when the migrations lack what the Prisma schema says. */
const root = resolve(process.argv[2] ?? 'prisma')
const sql = await missingSql({ schema: root, migrations: resolve(root, 'migrations') })
if (sql === null) {
  console.log('the migrations build exactly what the Prisma schema says')
} else {
  console.error('the migrations lack this SQL (write it with `npm run migration:new -- <name>`):\n')
  console.error(sql)
  process.exitCode = 1
}
