import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noticesOf } from '../../scripts/build/notices.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'valhalla-notices-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** Writes a package, and returns the path of a module of it. */
function install(name: string, { license, files = {} }: { license?: string; files?: Record<string, string> }): string {
  const folder = join(root, 'node_modules', name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.2.3', license }))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  return join(folder, 'lib/index.js')
}
const notices = (inputs: readonly string[]) => noticesOf(inputs, (path) => readFileSync(path, 'utf8'))

describe('the notices of a bundle', () => {
  it('have name, version, licence and all licence texts of each package once, and nothing of our own modules', () => {
    const scoped = install('@a/b', { license: 'MIT', files: { LICENSE: 'Copyright A\n', 'NOTICE.txt': 'Thanks\n', 'README.md': 'no' } })
    const plain = install('c', { license: 'ISC', files: { 'license.md': 'Copyright C' } })
    const rule = '-'.repeat(80)
    expect(notices([scoped, plain, scoped.replace('index', 'other'), 'src/main.ts'])).toEqual({
      packages: 2,
      text: `@a/b 1.2.3 (MIT)\n\nCopyright A\n\nThanks\n\n${rule}\n\nc 1.2.3 (ISC)\n\nCopyright C\n`,
    })
  })

  it('are refused for a package that names no licence', () => {
    expect(() => notices([install('d', {})])).toThrow('d 1.2.3 names no licence')
  })
})
