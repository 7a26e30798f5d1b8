// Writes the table of settings into README.md; with --check it writes nothing and exits 1 when the table is out of date.
import { readFileSync, writeFileSync } from 'node:fs'
import { withSettingsTable } from '../src/core/platform/settings-help.js'

const path = new URL('../README.md', import.meta.url)
const current = readFileSync(path, 'utf8')
const fresh = withSettingsTable(current)
if (process.argv.includes('--check')) {
  if (fresh !== current) {
    console.error('README.md: the table of settings is out of date; run: npx tsx scripts/readme-settings.ts')
    process.exitCode = 1
  }
} else if (fresh !== current) {
  writeFileSync(path, fresh)
}
