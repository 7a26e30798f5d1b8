import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { openDatabase } from '../../src/core/database/open.js'
import { systemClock } from '../../src/core/platform/clock.js'

/**
 * A process of its own for tests: `embedded-child.ts <dataDir> <task>` opens the embedded database and says `open`, or
 * prints the refusal to stderr and exits with 1. Tasks: `hold` waits for its end; `write` inserts rows for ever and prints
 * each number once it is acknowledged; `fail-disk` makes every fsync fail, then writes; `fail-closing` writes a
 * row, makes every fsync fail, then closes.
 */
const ignore = () => undefined
const [dataDir = '', task = 'hold'] = process.argv.slice(2)

try {
  const database = await openDatabase({ dataDir, reserveBytes: 0, log: { info: ignore, warn: ignore, error: ignore }, clock: systemClock })
  console.log('open')
  const keepRow = (key: string) => database.prisma.usageMark.create({ data: { kind: 'child', key, lastAt: systemClock.now() } })
  if (task === 'fail-closing') await keepRow('kept')
  if (task !== 'hold' && task !== 'write') {
    fs.fsyncSync = () => {
      throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })
    }
    syncBuiltinESMExports()
  }
  if (task === 'hold') setInterval(() => undefined, 1000)
  else if (task === 'fail-closing') await database.close()
  else await writeForEver(keepRow)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}

async function writeForEver(keepRow: (key: string) => Promise<unknown>): Promise<void> {
  for (let count = 0; ; count += 1) {
    await keepRow(String(count))
    console.log(count)
  }
}
