import { readdirSync } from 'node:fs'
import { join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
}

const LICENCE_FILE = /^(licen[cs]e|notice|copying)([.-].*)?$/i
const RULE = '-'.repeat(80)

/**
 * The notices that go with a bundle: name, version, licence and licence texts of each package that one of `inputs` (paths of files, as
 * esbuild lists them) lies in.
 *
 * @throws Error when a package names no licence
 */
export function noticesOf(inputs: readonly string[], read: (path: string) => string): { readonly packages: number; readonly text: string } {
  const folders = [...new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))].sort()
  const parts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(read(join(folder, 'package.json'))) as Manifest
    if (license === undefined) throw new Error(`${name} ${version} names no licence`)
    const texts = readdirSync(folder).filter((file) => LICENCE_FILE.test(file))
    return [`${name} ${version} (${license})`, ...texts.map((file) => read(join(folder, file)).trim())].join('\n\n')
  })
  return { packages: parts.length, text: `${parts.join(`\n\n${RULE}\n\n`)}\n` }
}
