import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DatabaseOpenError } from '../open-error.js'
import { fsyncDirectory } from './durable-fs.js'

/** The major version of the PostgreSQL in the pinned PGlite: the format of the data directory. */
export const EMBEDDED_POSTGRES_MAJOR = 18

/** The content of `pg.version.json`. */
interface Stamp {
  readonly pglite: string
  readonly postgres: number
}

/** The installed version of PGlite, from its package.json (which its exports hide). */
export function pgliteVersion(): string {
  const entry = fileURLToPath(import.meta.resolve('@electric-sql/pglite'))
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8'))
  return String(version)
}

/** Whether the stamp says that this very engine wrote what stands beside it. */
export function fitsThisEngine(stampPath: string): boolean {
  const found = readStamp(stampPath)
  const own = ownStamp()
  return found?.pglite === own.pglite && found.postgres === own.postgres
}

/**
 * Refuses a data directory that another engine wrote: no version of PGlite promises to read the files of another.
 *
 * @throws DatabaseOpenError VERSION
 */
export function checkStamp(data: string, stampPath: string): void {
  if (fitsThisEngine(stampPath)) return
  const found = readStamp(stampPath)
  const own = ownStamp()
  const writer = found ? `PGlite ${found.pglite} (PostgreSQL ${found.postgres})` : `an unknown engine (${stampPath} is missing or damaged)`
  throw new DatabaseOpenError(
    'VERSION',
    `data directory ${data} was written by ${writer}; this program has PGlite ${own.pglite} (PostgreSQL ${own.postgres}) and leaves it alone`,
  )
}

/** Writes this engine's stamp, durably. */
export async function writeStamp(stampPath: string): Promise<void> {
  const draft = `${stampPath}.new`
  await writeFile(draft, `${JSON.stringify(ownStamp())}\n`, { flush: true })
  await rename(draft, stampPath)
  fsyncDirectory(dirname(stampPath))
}

function ownStamp(): Stamp {
  return { pglite: pgliteVersion(), postgres: EMBEDDED_POSTGRES_MAJOR }
}

function readStamp(path: string): Stamp | undefined {
  try {
    const { pglite, postgres } = JSON.parse(readFileSync(path, 'utf8'))
    return typeof pglite === 'string' && typeof postgres === 'number' ? { pglite, postgres } : undefined
  } catch {
    return undefined
  }
}
