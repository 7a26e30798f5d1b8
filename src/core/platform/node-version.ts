/** The oldest Node.js that this runs on; `engines` of package.json says the same. */
export const OLDEST_NODE = '20.19.0'

/**
 * Whether this Node.js is new enough; where it is not, standard error has one line that says so, and the process ends with 1.
 * Nothing is imported here, and nothing is used that an old Node.js lacks: whoever starts asks before it loads anything.
 */
export function isNodeNewEnough(): boolean {
  const isEnough = isAtLeast(process.versions.node, OLDEST_NODE)
  if (!isEnough) {
    process.stderr.write(`Node.js ${OLDEST_NODE} or newer is needed, and this is ${process.versions.node}: install a newer one.\n`)
    process.exitCode = 1
  }
  return isEnough
}

/** Whether a version `x.y.z` is the same as another one or newer. */
export function isAtLeast(version: string, oldest: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const [oldMajor = 0, oldMinor = 0, oldPatch = 0] = oldest.split('.').map(Number)
  if (major !== oldMajor) return major > oldMajor
  return minor === oldMinor ? patch >= oldPatch : minor > oldMinor
}
