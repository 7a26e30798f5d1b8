import { chmod, mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { usage } from '../fault.js'
import { writePrivately } from '../files.js'

/** One control plane, and the key for it. */
export interface Profile {
  readonly url: string
  readonly key: string
  /** Changes of a production system have to say why. */
  readonly isProduction: boolean
}

/** What the configuration file holds. */
export interface Profiles {
  readonly current: string | null
  readonly profiles: Readonly<Record<string, Profile>>
}

const NONE: Profiles = { current: null, profiles: {} }
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i

/** The file of profiles, in the place that the system has for the settings of a user. */
export async function profilesFile(): Promise<string> {
  const { default: envPaths } = await import('env-paths')
  return join(envPaths('valhalla', { suffix: '' }).config, 'config.json')
}

/** Reads the profiles; none where there is no file. Throws CliFault for a file that others can read, or that is damaged. */
export async function readProfiles(): Promise<Profiles> {
  const path = await profilesFile()
  const text = await readIfThere(path)
  if (text === undefined) return NONE
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw usage(`${path} holds keys and can be read by others`, `take that right away: chmod 600 ${path}`)
  }
  try {
    const { current = null, profiles = {} } = JSON.parse(text) as Partial<Profiles>
    return { current, profiles: Object.fromEntries(Object.entries(profiles).filter(([, profile]) => isProfile(profile))) }
  } catch {
    throw usage(`${path} is not JSON`, 'mend it, or remove it and log in again')
  }
}

function isProfile(value: unknown): value is Profile {
  const { url, key } = (value ?? {}) as Partial<Profile>
  return typeof url === 'string' && typeof key === 'string'
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw usage(`${path} cannot be read: ${(error as Error).message}`)
  }
}

/** Writes the profiles, for their owner alone. */
export async function writeProfiles(profiles: Profiles): Promise<void> {
  const path = await profilesFile()
  const folder = join(path, '..')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  await writePrivately(path, `${JSON.stringify(profiles, null, 2)}\n`)
}

/** Puts a profile in, and makes it the current one. */
export async function keepProfile(name: string, profile: Profile): Promise<void> {
  if (!NAME.test(name)) throw usage(`"${name}" is no name for a profile`, 'use letters, digits, dots, underscores and hyphens')
  const { profiles } = await readProfiles()
  await writeProfiles({ current: name, profiles: { ...profiles, [name]: profile } })
}
