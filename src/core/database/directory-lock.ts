import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '../platform/ids.js'
import { isSocketPath, judgeLiveness, ownIdentity, type ProcessIdentity } from './embedded/process-identity.js'
import { DatabaseOpenError } from './open-error.js'

const BEAT_MS = 2000
/** How long a holder of which nothing can be told must stay silent before it counts as dead. */
const SILENCE_MS = 15_000
const ATTEMPTS = 50

/** The content of `<generation>.lock`: who holds the directory, or null when it was given back. */
interface LockRecord {
  readonly holder: ProcessIdentity | null
}

/** Settings of {@link lockDirectory}. */
export interface LockOptions {
  /** What the lock is for, as the refusal names it. */
  readonly subject: string
  /** Called once when the lock turns out to be lost: whoever used the directory must stop at once. */
  onLost(): void
  /** Who we are; this process by default. */
  readonly identity?: ProcessIdentity
  /** See SILENCE_MS; milliseconds. */
  readonly silenceMs?: number
}

/** A lock that is held. */
export interface DirectoryLock {
  /** Whether it is still ours; reads the directory. */
  isHeld(): boolean
  release(): void
}

/**
 * Takes the exclusive use of something, or refuses. Holders are numbered: the lock is the folder's highest
 * `<generation>.lock`, and the next one is made by link(2), which lets exactly one through and shows a whole file at once.
 * The highest number is never deleted, so that one who judged an older holder cannot come back and succeed. A holder is
 * replaced when it gave the lock back or is dead; one on this kernel is judged by the kernel alone, so that a live one is
 * never robbed, however slow or stopped it is. Where nothing can be told (another machine), it must have been silent for
 * {@link SILENCE_MS}; the beat is a counter kept as the file's time, so that no clock matters.
 *
 * @param folder where the lock's files are; made when it is missing
 * @throws DatabaseOpenError IN_USE
 */
export async function lockDirectory(folder: string, options: LockOptions): Promise<DirectoryLock> {
  const identity = options.identity ?? ownIdentity()
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const top = highestGeneration(folder)
    await checkFree(folder, top, { ...options, identity })
    if (claim(folder, top + 1, { holder: identity })) return hold(folder, top + 1, options.onLost)
    await sleep(5)
  }
  throw new DatabaseOpenError('IN_USE', `${options.subject} is wanted by too many processes at once`)
}

async function checkFree(folder: string, top: number, options: LockOptions & { readonly identity: ProcessIdentity }): Promise<void> {
  const holder = top === 0 ? null : readRecord(folder, top)?.holder
  if (!holder) return
  const liveness = await judgeLiveness(holder, options.identity, socketPath(folder, top))
  if (liveness === 'dead') return
  if (liveness === 'unknown' && (await isSilent(folder, top, options.silenceMs ?? SILENCE_MS))) return
  throw new DatabaseOpenError('IN_USE', `${options.subject} is in use by process ${holder.pid} on ${holder.host}`)
}

/** Makes generation `generation` ours, if nobody else did, and if nobody has gone beyond it meanwhile. */
function claim(folder: string, generation: number, record: LockRecord): boolean {
  const draft = writeDraft(folder, record)
  try {
    linkSync(draft, lockPath(folder, generation))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOENT') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
  if (highestGeneration(folder) === generation) return true
  rmSync(lockPath(folder, generation), { force: true })
  return false
}

function hold(folder: string, generation: number, onLost: () => void): DirectoryLock {
  for (const name of readdirSync(folder)) {
    const isOld = name.endsWith('.draft') || Number.parseInt(name, 10) < generation
    if (isOld) rmSync(join(folder, name), { force: true })
  }
  const server = listen(socketPath(folder, generation))
  const isHeld = () => highestGeneration(folder) === generation
  let beats = 0
  const timer = setInterval(() => {
    if (isHeld()) {
      beats += 1
      utimesSync(lockPath(folder, generation), beats, beats)
      return
    }
    clearInterval(timer)
    onLost()
  }, BEAT_MS)
  timer.unref()
  const release = () => {
    clearInterval(timer)
    server?.close()
    if (isHeld()) renameSync(writeDraft(folder, { holder: null }), lockPath(folder, generation))
  }
  return { isHeld, release }
}

/** Lets others on this kernel see that we live. Not every file system has sockets; then the other ways must do. */
function listen(path: string): Server | undefined {
  if (!isSocketPath(path)) return undefined
  const server = createServer((socket) => socket.destroy())
  server.on('error', () => undefined)
  server.listen(path)
  return server.unref()
}

async function isSilent(folder: string, generation: number, silenceMs: number): Promise<boolean> {
  const before = beatOf(folder, generation)
  for (let waitedMs = 0; waitedMs < silenceMs; waitedMs += 100) {
    await sleep(100)
    if (beatOf(folder, generation) !== before) return false
  }
  return true
}

/** The holder's counter; undefined when its file is gone. */
function beatOf(folder: string, generation: number): number | undefined {
  return statSync(lockPath(folder, generation), { throwIfNoEntry: false })?.mtimeMs
}

function highestGeneration(folder: string): number {
  try {
    const numbers = readdirSync(folder).filter((name) => name.endsWith('.lock'))
    return Math.max(0, ...numbers.map((name) => Number.parseInt(name, 10)))
  } catch {
    return 0
  }
}

/**
 * Undefined when the file has just been removed (the next link decides), or is damaged: it was whole when it appeared, so
 * that only a power cut, which its holder did not survive, can have damaged it.
 */
function readRecord(folder: string, generation: number): LockRecord | undefined {
  try {
    return JSON.parse(readFileSync(lockPath(folder, generation), 'utf8')) as LockRecord
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function writeDraft(folder: string, record: LockRecord): string {
  const path = join(folder, `${newId()}.draft`)
  writeFileSync(path, `${JSON.stringify(record)}\n`)
  return path
}

function lockPath(folder: string, generation: number): string {
  return join(folder, `${generation}.lock`)
}

function socketPath(folder: string, generation: number): string {
  return join(folder, `${generation}.sock`)
}
