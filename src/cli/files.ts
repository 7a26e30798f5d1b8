import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { usage } from './fault.js'
import { newId } from './platform.js'

/** Reads a text file, or standard input for "-". Throws CliFault where it cannot be read. */
export async function readText(path: string): Promise<string> {
  try {
    return path === '-' ? await readAll(process.stdin) : await readFile(path, 'utf8')
  } catch (error) {
    throw usage(`${path} cannot be read: ${(error as Error).message}`)
  }
}

/**
 * Writes a text file for its owner alone, whoever could read the one that was there; whoever reads meanwhile finds the old text or
 * the new one. Throws CliFault where it cannot be written.
 */
export async function writePrivately(path: string, text: string): Promise<void> {
  const beside = `${path}.${newId()}`
  try {
    await writeFile(beside, text, { mode: 0o600, flag: 'wx' })
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw usage(`${path} cannot be written: ${(error as Error).message}`)
  }
}
