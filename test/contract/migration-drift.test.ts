import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { missingSql } from '../../scripts/schema-engine.js'
import { migrationsFolder } from '../../src/core/database/migrate.js'

let copy: string
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'valhalla-test-'))
  cpSync(dirname(migrationsFolder()), copy, { recursive: true })
})
afterEach(() => rmSync(copy, { recursive: true }))

const missing = () => missingSql({ schema: copy, migrations: join(copy, 'migrations') })

// That nothing is missing now is a check of its own (`npm run check:migrations`).
it('a change of the Prisma schema without a migration is found, with the SQL that is missing', async () => {
  appendFileSync(join(copy, 'models', 'ledger.prisma'), '\nmodel Extra {\n  id Int @id\n\n  @@map("extras")\n}\n')
  expect(await missing()).toContain('CREATE TABLE "extras"')
})
