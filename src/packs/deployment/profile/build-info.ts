import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { programFolder } from '../../../core/platform/program-folder.js'

/** What this program was made from. */
export interface BuildInfo {
  /** Name of the package. */
  readonly name: string
  /** Version of the package. */
  readonly version: string
  /** Commit of the sources, in hex; null when it is not known. */
  readonly commit: string | null
  /** When it was built; null for what runs from its sources. */
  readonly builtAt: Date | null
}

/** The file that the build leaves beside the compiled code, `dist/build.json`. */
export const BUILD_FILE = 'build.json'

let known: BuildInfo | undefined

/** The build that runs here: what the build step has stamped, and the package's own name and version. Read once. */
export function buildInfo(): BuildInfo {
  known ??= readBuildInfo(programFolder())
  return known
}

/** What is known of the code in `folder` (`dist`, or `src`, which has no stamp). */
export function readBuildInfo(folder: string): BuildInfo {
  const { name, version } = readPackage(folder)
  const stamp = join(folder, BUILD_FILE)
  const { commit = null, builtAt = null } = existsSync(stamp) ? readJson(stamp) : {}
  return { name: name ?? '', version: version ?? '', commit, builtAt: builtAt === null ? null : new Date(builtAt) }
}

type TextMembers = Readonly<Record<string, string | null | undefined>>

/** The nearest package.json, from `folder` upward. */
function readPackage(folder: string): TextMembers {
  const file = join(folder, 'package.json')
  if (existsSync(file)) return readJson(file)
  if (folder === dirname(folder)) throw new Error('the package.json of this installation is missing')
  return readPackage(dirname(folder))
}

function readJson(file: string): TextMembers {
  return JSON.parse(readFileSync(file, 'utf8')) as TextMembers
}
