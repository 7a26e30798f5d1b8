import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { openDatabase } from '../../src/core/database/open.js'
import { systemClock } from '../../src/core/platform/clock.js'

/**
 * A process of its own for tests: `embedded-child.ts <dataDir> <task>` opens the embedded database and says `open`, or
 * prints the refusal to stderr and exits with 1. Tasks: `hold` waits for its end; `write` inserts rows for ever and prints
 * each number once it is acknowledged; `fail-disk` makes every fsync fail, then writes.
 */
const ignore = () => undefined
const [dataDir = '', task = 'hold'] = process.argv.slice(2)

try {
  const database = await openDatabase({ dataDir, reserveBytes: 0, log: { info: ignore, warn: ignore, error: ignore }, clock: systemClock })
  console.log('open')
  if (task === 'fail-disk') {
    fs.fsyncSync = () => {
      throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })
    }
    syncBuiltinESMExports()
  }
  if (task === 'hold') setInterval(() => undefined, 1000)
  else await writeForEver(database)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}

async function writeForEver(database: Awaited<ReturnType<typeof openDatabase>>): Promise<void> {
  for (let count = 0; ; count += 1) {
    await database.prisma.usageMark.create({ data: { kind: 'child', key: String(count), lastAt: systemClock.now() } })
    console.log(count)
  }
}
