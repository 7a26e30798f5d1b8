import { readFileSync } from 'node:fs'
import { satisfies } from 'semver'
import { OLDEST_NODE } from '../src/core/platform/node-version.js'

/**
 * `npm run check:engines`: every package of the lock file runs on the oldest Node.js that this project promises. On a newer one
 * `npm ci` would not warn.
 */
interface LockFile {
  readonly packages: Readonly<Record<string, { readonly engines?: { readonly node?: string } }>>
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as LockFile
const all = Object.entries(packages)
const pickier = all.filter(([, { engines }]) => engines?.node !== undefined && !satisfies(OLDEST_NODE, engines.node))
for (const [path, { engines }] of pickier) console.error(`${path} asks for Node.js ${engines?.node}; ${OLDEST_NODE} is promised`)
console.log(`${all.length} packages looked at`)
if (pickier.length > 0 || all.length < 2) process.exitCode = 1
