import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { newId } from '../../platform/ids.js'
import { programFolder } from '../../platform/program-folder.js'
import { copyTreeDurably, DurableNodeFS, fsyncDirectory, fsyncTree } from './durable-fs.js'
import { checkStamp, fitsThisEngine, writeStamp } from './version-stamp.js'

/** Where the rows, the version stamp and the lock of an embedded database are. */
export interface EmbeddedPaths {
  /** PostgreSQL's data directory. */
  readonly data: string
  /** Says which engine wrote it. */
  readonly stamp: string
  /** Who uses it. */
  readonly lock: string
}

/** The layout below `VALHALLA_DATA_DIR`; a template has the same, without a lock. */
export function embeddedPaths(dataDir: string): EmbeddedPaths {
  return { data: join(dataDir, 'pg'), stamp: join(dataDir, 'pg.version.json'), lock: join(dataDir, 'pg.lock') }
}

/** What the build made for a fast first start: `dist/pglite-template` of this installation, for `src` and `dist` alike. */
export function builtTemplate(): string {
  return join(programFolder(), '..', 'dist', 'pglite-template')
}

/** PGlite's own parameters with a real fsync (no `-F`), and sized for a control plane: half of the memory. */
export function startParameters(): string[] {
  const ours = ['wal_sync_method=fsync', 'shared_buffers=16MB', 'wal_buffers=1MB', 'min_wal_size=16MB', 'max_connections=5']
  return [...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'), ...ours.flatMap((setting) => ['-c', setting])]
}

/**
 * Sees to it that a data directory is there and was written by this very engine. A new one is made aside and moved into
 * its place when it is whole, so that a start that was killed leaves nothing that could be taken for a database. Call it
 * with the directory's lock held.
 *
 * @param dataDir the folder of {@link embeddedPaths}; it exists
 * @param templateDir a folder of the same layout to copy from, if it is there and fits
 * @returns true when the data directory is new
 * @throws DatabaseOpenError VERSION when another version wrote what is there
 */
export async function ensureDataDirectory(dataDir: string, templateDir: string): Promise<boolean> {
  const { data, stamp } = embeddedPaths(dataDir)
  await removeLeftovers(dataDir)
  if (existsSync(data)) {
    checkStamp(data, stamp)
    return false
  }
  const draft = join(dataDir, `pg.new-${newId()}`)
  const template = embeddedPaths(templateDir)
  if (existsSync(template.data) && fitsThisEngine(template.stamp)) await copyTreeDurably(template.data, draft)
  else await initialize(draft)
  await writeStamp(stamp)
  await rename(draft, data)
  fsyncDirectory(dataDir)
  return true
}

/** Makes a template: an empty database with its stamp, in the layout of {@link embeddedPaths}. What was there is replaced. */
export async function makeTemplate(templateDir: string): Promise<void> {
  const draft = `${templateDir}.new-${newId()}`
  const paths = embeddedPaths(draft)
  await mkdir(draft, { recursive: true })
  await initialize(paths.data)
  await writeStamp(paths.stamp)
  await rm(templateDir, { recursive: true, force: true })
  await rename(draft, templateDir)
}

/** What a first start that was killed has left. */
async function removeLeftovers(dataDir: string): Promise<void> {
  const names = (await readdir(dataDir)).filter((name) => name.startsWith('pg.new-'))
  await Promise.all(names.map((name) => rm(join(dataDir, name), { recursive: true, force: true })))
}

/**
 * Runs initdb. Segments of 1 MB keep a small log small. The template databases go: nothing here creates databases, they
 * are two thirds of the size, and as nobody can vacuum them they would hold back the transaction counter for ever.
 */
async function initialize(target: string): Promise<void> {
  const db = await PGlite.create({
    fs: new DurableNodeFS(target),
    startParams: startParameters(),
    initDbStartParams: ['--wal-segsize=1'],
  })
  await db.exec('UPDATE pg_database SET datistemplate = false')
  await db.exec('DROP DATABASE template1')
  await db.exec('DROP DATABASE template0')
  await db.exec('VACUUM (FREEZE, ANALYZE)')
  await db.exec('CHECKPOINT')
  await db.close()
  await fsyncTree(target)
}
