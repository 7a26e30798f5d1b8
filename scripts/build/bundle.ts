import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { noticesOf } from './notices.js'

/**
 * Part of `npm run build`: puts each program, with all that it needs of the packages, into a few files of `dist/`. Node spends more
 * time on finding and linking a thousand small modules than on running them. Nothing is shortened or renamed, and the maps beside the
 * files lead to the sources: `node --enable-source-maps dist/main.js`.
 */
const target = resolve('dist')
rmSync(target, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: ['main', 'admin-key', 'admin-reset'].map((name) => `src/${name}.ts`),
  outdir: target,
  bundle: true,
  // What is loaded later, or never, stays in files of its own.
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'inline',
  metafile: true,
  // The engine finds its own files beside its code; the others are asked for by packages that can do without them.
  external: ['@electric-sql/pglite', 'class-validator', 'pg-native'],
  // Packages that are CommonJS ask for modules of Node.
  banner: { js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);" },
})
const notices = noticesOf(Object.keys(metafile.inputs), (path) => readFileSync(path, 'utf8'))
writeFileSync(join(target, 'THIRD-PARTY.txt'), notices.text)
console.log(`bundled dist/ with ${notices.packages} packages`)
