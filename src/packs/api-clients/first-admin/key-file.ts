import { constants } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fsyncDirectory } from '../../../core/database/embedded/durable-fs.js'
import { parseApiKey } from '../keys/api-key.js'

/** Another process may be between creating the file and writing the key into it. */
const READ_ATTEMPTS = 10
const READ_AGAIN_MS = 50

/** The file cannot hand a key over; the message is one line for whoever starts the program. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
}

/**
 * Puts a key into a new file that only its owner can read (mode 0600), durably. A file that is there already was left by a
 * start that ended before its key was registered, or belongs to one that is under way beside this one: its key is taken
 * instead, and the file stays as it is.
 *
 * @returns the key that the file holds, and whether this call wrote it
 * @throws KeyFileError when the file cannot be written, or what is there is not a key of ours alone
 */
export async function keepInFile(path: string, keyText: string): Promise<{ readonly keyText: string; readonly isNew: boolean }> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeNew(path, keyText)
    return { keyText, isNew: true }
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw new KeyFileError(`cannot write ${path} (${codeOf(error)})`, { cause: error })
  }
  return { keyText: await readKept(path), isNew: false }
}

async function writeNew(path: string, keyText: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${keyText}\n`)
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  fsyncDirectory(dirname(path))
}

async function readKept(path: string): Promise<string> {
  for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt += 1) {
    const key = parseApiKey(await readOwn(path))
    if (key) return key.text
    await sleep(READ_AGAIN_MS)
  }
  throw new KeyFileError(`${path} exists and holds no API key; remove it`)
}

/** Reads a file that nobody else could have put there or looked into. */
async function readOwn(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw new KeyFileError(`cannot read ${path} (${codeOf(error)}); remove it`, { cause: error })
  })
  try {
    const { mode, uid } = await file.stat()
    const isOwn = (mode & constants.S_IFMT) === constants.S_IFREG && (mode & 0o077) === 0 && uid === (process.getuid?.() ?? uid)
    if (!isOwn) throw new KeyFileError(`${path} exists and is open to others than this user; remove it`)
    return (await file.readFile('utf8')).trim()
  } finally {
    await file.close()
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
