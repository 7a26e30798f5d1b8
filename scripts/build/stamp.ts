import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../../src/core/platform/clock.js'
import { BUILD_FILE } from '../../src/packs/deployment/profile/build-info.js'

/**
 * Part of `npm run build`: writes down what was built, and when, beside the compiled code. The commit comes from git, or, where
 * the sources came without their history, from GIT_COMMIT or SOURCE_COMMIT; null when nobody knows.
 */
const root = resolve(process.argv[2] ?? '.')
const stamp = { commit: commitOf(root), builtAt: systemClock.now().toISOString() }
writeFileSync(join(root, 'dist', BUILD_FILE), `${JSON.stringify(stamp)}\n`)
console.log(`stamped dist/${BUILD_FILE}: ${stamp.commit ?? 'unknown commit'}`)

function commitOf(folder: string): string | null {
  const given = existsSync(join(folder, '.git')) ? fromGit(folder) : undefined
  const commit = given ?? process.env['GIT_COMMIT'] ?? process.env['SOURCE_COMMIT'] ?? ''
  return /^[0-9a-f]{7,64}$/i.test(commit) ? commit.toLowerCase() : null
}

/** Undefined when git is not installed, or does not trust the folder. */
function fromGit(folder: string): string | undefined {
  try {
    return execFileSync('git', ['-C', folder, 'rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
