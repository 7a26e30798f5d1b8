import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The folder that the running program lies in, just below the project's own: `dist` of what was built, else `src`. Modules of the
 * former lie together in a few files, so that none knows its own depth.
 *
 * @throws Error when no folder above has a package.json
 */
export function programFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const parent = dirname(folder)
    if (existsSync(join(parent, 'package.json'))) return folder
    if (folder === parent) throw new Error('the package.json of this installation is missing')
  }
}
