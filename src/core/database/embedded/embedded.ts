import { writeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../../generated/prisma/client.js'
import type { Clock } from '../../platform/clock.js'
import { createDatabase, type Database, type DatabaseLog, type DatabaseParts } from '../database.js'
import { type DirectoryLock, lockDirectory } from '../directory-lock.js'
import { type PreparedDatabase, prepareDatabase } from '../migrate.js'
import { DatabaseOpenError } from '../open-error.js'
import { endsWithin } from '../within.js'
import { diskReserve } from './disk-reserve.js'
import { DurableNodeFS } from './durable-fs.js'
import { compileEngine } from './engine-module.js'
import { keepHouse } from './housekeeping.js'
import { PGliteStream } from './pglite-stream.js'
import { builtTemplate, type EmbeddedPaths, embeddedPaths, ensureDataDirectory, startParameters } from './template.js'

/** How long a transaction may wait for the one connection, and how long it may take; milliseconds. */
const MAX_WAIT_MS = 10_000
const CLOSE_WAIT_MS = 5000

/** Settings of {@link openEmbedded}. */
export interface EmbeddedOptions {
  /** The folder that keeps the data; made when it is missing. */
  readonly dataDir: string
  /** Writes are refused when the disk has less than this free; bytes. */
  readonly reserveBytes: number
  readonly log: DatabaseLog
  readonly clock: Clock
  /** How long a close waits for whoever still uses the connection; milliseconds, five seconds by default. */
  readonly closeWaitMs?: number
  /** Where a new data directory is copied from; the build's own by default. */
  readonly templateDir?: string
  /**
   * Called when the engine cannot go on: it has panicked, or another process took its directory. It must end the
   * process, because a PGlite that has panicked never returns; by default it writes the reason to stderr and exits with `status`:
   * 1, or 0 when the engine could not be closed in order, which takes nothing away that was answered.
   */
  readonly onFatal?: (reason: string, status: number) => void
}

/**
 * Opens the embedded database in a directory: takes its lock, makes it when it is new, recovers it when the last process
 * was killed, and applies the migrations.
 *
 * @throws DatabaseOpenError IN_USE, VERSION; MigrationError; and whatever the file system says
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Database> {
  const { dataDir, onFatal = exitAtOnce } = options
  const paths = embeddedPaths(dataDir)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const lock = await lockDirectory(paths.lock, {
    subject: `data directory ${dataDir}`,
    onLost: () => onFatal(`another process took the data directory ${dataDir}`, 1),
  })
  const open: { db?: PGlite; isClosing?: boolean } = {}
  try {
    await ensureDataDirectory(dataDir, options.templateDir ?? builtTemplate())
    const pool = makePool(open, options.log)
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions: { maxWait: MAX_WAIT_MS, timeout: MAX_WAIT_MS } })
    // Both load WebAssembly on other threads: side by side they take as long as the slower one.
    const onPanic = (complaint: string): void => {
      if (!open.isClosing) onFatal(`the embedded database cannot go on: ${complaint}`, 1)
      else onFatal(`stopped, but the embedded database could not be closed in order, and is recovered at the next start: ${complaint}`, 0)
    }
    const [db] = await Promise.all([startEngine(paths, onPanic), prisma.$connect()])
    open.db = db
    const onClosing = (): void => {
      open.isClosing = true
    }
    return await assemble({ db, pool, prisma, lock, options, onClosing })
  } catch (error) {
    await open.db?.close().catch(() => undefined)
    lock.release()
    throw error
  }
}

/** `open.db` is set before anybody connects. */
function makePool(open: { readonly db?: PGlite }, log: DatabaseLog): pg.Pool {
  const stream = () => {
    if (!open.db) throw new Error('the embedded database is not open yet')
    return new PGliteStream(open.db)
  }
  const pool = new pg.Pool({ user: 'postgres', database: 'postgres', ssl: false, max: 1, idleTimeoutMillis: 0, stream })
  pool.on('error', (error) => log.error({ err: error }, 'the connection to the embedded database failed'))
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** Starts PGlite. What it says on stderr matters: it swallows the exception that follows a panic and spins for ever. */
async function startEngine(paths: EmbeddedPaths, onPanic: (complaint: string) => void): Promise<PGlite> {
  let isUp = false
  let complaint = ''
  const onStderr = (line: string) => {
    const isFatal = /\b(PANIC|FATAL): |^Aborted\(/.test(line)
    if (isFatal && isUp) onPanic(complaint || line)
    if (isFatal && complaint === '') complaint = line
    return false
  }
  try {
    const pgliteWasmModule = await compileEngine()
    const db = await PGlite.create({ fs: new DurableNodeFS(paths.data), startParams: startParameters(), pgliteWasmModule, onStderr })
    isUp = true
    return db
  } catch (error) {
    const reason = complaint || (error instanceof Error ? error.message : String(error))
    throw new DatabaseOpenError('OTHER', `the embedded database in ${paths.data} does not start: ${reason}`, { cause: error })
  }
}

interface Parts {
  readonly db: PGlite
  readonly pool: pg.Pool
  readonly prisma: PrismaClient
  readonly lock: DirectoryLock
  readonly options: EmbeddedOptions
  /** Called before the engine is closed: whatever it says from then on, everything that was answered is on the disk. */
  onClosing(): void
}

async function assemble({ db, pool, prisma, lock, options, onClosing }: Parts): Promise<Database> {
  const { log, clock, reserveBytes, dataDir, closeWaitMs = CLOSE_WAIT_MS } = options
  const { migrations, version } = await prepare(pool)
  const assertWritable = diskReserve({ path: dataDir, reserveBytes, clock, log })
  const house = keepHouse({ pool, log, assertWritable })
  const close = async () => {
    await house.stop()
    await prisma.$disconnect()
    const isIdle = await endsWithin(pool.end(), closeWaitMs)
    if (!isIdle) log.warn({}, 'the embedded database is closed although its connection is still in use')
    // A close in this mode writes a checkpoint by itself, so that the next start has nothing to recover.
    onClosing()
    await db.close()
    lock.release()
  }
  const parts: DatabaseParts = {
    engine: 'pglite',
    version,
    prisma,
    pool,
    ledgerPool: pool,
    migrations,
    isShared: false,
    assertWritable,
    listen: () => async () => undefined,
    close,
  }
  return createDatabase(parts, log)
}

async function prepare(pool: pg.Pool): Promise<PreparedDatabase> {
  const client = await pool.connect()
  try {
    return await prepareDatabase(client)
  } finally {
    client.release()
  }
}

/**
 * Nothing can be awaited here: the engine sits in an endless loop on this very thread. So the process has to end also where nobody
 * reads its words any more.
 */
function exitAtOnce(reason: string, status = 1): void {
  try {
    writeSync(process.stderr.fd, `${reason}\n`)
  } finally {
    process.exit(status)
  }
}
