import 'reflect-metadata'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { packs } from '../src/packs/index.js'
import { buildPackSchema, printSorted } from '../src/server/schema.js'

/** Writes the schema to schema.graphql; with --check it only compares, and exits with 1 when they differ. */
const file = fileURLToPath(new URL('../schema.graphql', import.meta.url))
const text = printSorted(buildPackSchema(packs))
if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  process.stderr.write('schema.graphql is not what the code says: run `npx tsx scripts/schema-emit.ts` and commit it\n')
  process.exitCode = 1
}
