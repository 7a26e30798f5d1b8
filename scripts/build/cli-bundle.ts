import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Part of `npm run build`: bundles the command line with its libraries, so that a production install leaves them out and it
 * starts soon. What only some commands need is in files of their own, which are loaded on use. The licences of all that is in
 * the bundle stand beside it.
 */
export async function bundleCli(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/cli/main.ts'],
    outdir: folder,
    bundle: true,
    splitting: true,
    minify: true,
    chunkNames: '[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    metafile: true,
    legalComments: 'none',
    // Some of the libraries are CommonJS, and ask for modules of Node.
    banner: { js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);" },
    // Speed-ups of ws that are compiled; it does without them.
    external: ['bufferutil', 'utf-8-validate'],
  })
  writeFileSync(join(folder, 'LICENSES.txt'), licensesOf(metafile))
}

/** The licence of every package that is in the bundle. Throws Error for one that has none, which must not be passed on. */
function licensesOf({ inputs }: Metafile): string {
  const packages = new Set(Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))
  const texts = [...packages].sort().map((path) => {
    const directory = join(ROOT, path)
    const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Record<string, string>
    const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each))
    if (file === undefined && license !== 'MIT' && license !== 'ISC') throw new Error(`${name} has no licence that could be kept`)
    const text = file === undefined ? `License: ${license}` : readFileSync(join(directory, file), 'utf8').trim()
    return `${name} ${version}\n\n${text}\n`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = join(ROOT, 'dist/cli')
  if (!existsSync(join(ROOT, 'dist'))) throw new Error('dist is not there: npm run build')
  await bundleCli(folder)
  console.log('bundled dist/cli')
}
