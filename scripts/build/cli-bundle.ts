import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { noticesOf } from './notices.js'

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
  const { text } = noticesOf(Object.keys(metafile.inputs), (path) => readFileSync(join(ROOT, path), 'utf8'))
  writeFileSync(join(folder, 'LICENSES.txt'), text)
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = join(ROOT, 'dist/cli')
  if (!existsSync(join(ROOT, 'dist'))) throw new Error('dist is not there: npm run build')
  await bundleCli(folder)
  console.log('bundled dist/cli')
}
