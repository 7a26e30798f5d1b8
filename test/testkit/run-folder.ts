import { existsSync, statfsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dropLeftDatabases } from './databases.js'

/** Embedded databases sync each commit, which costs nothing in memory. */
const MEMORY = '/dev/shm'
/** A run of all tests needs a quarter of this; bytes. Containers often have a MEMORY of 64 MiB. */
const ROOM = 2 * 1024 ** 3

/**
 * Gives a run of tests a folder of its own, as TMPDIR and in memory where there is room, and a name (TEST_RUN) for its
 * databases: what is kept from test to test, or left by one that failed, is gone when the run is over.
 */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(hasRoom() ? MEMORY : tmpdir(), 'valhalla-tests-'))
  // A test's own PostgreSQL server runs as another user, who has to get through to its files.
  await chmod(folder, 0o711)
  process.env['TMPDIR'] = folder
  process.env['TEST_RUN'] = String(process.pid)
  return async () => {
    await dropLeftDatabases()
    await rm(folder, { recursive: true, force: true })
  }
}

function hasRoom(): boolean {
  if (!existsSync(MEMORY)) return false
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize > ROOM
}
