import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { build } from 'esbuild'

/**
 * Part of `npm run build`: puts what the compiled Prisma client needs of @prisma/client into dist/, so that a production
 * install leaves that package out: it holds the compilers of six databases, and makes npm install TypeScript beside it.
 */
const folder = resolve('dist/generated/prisma')
const entry = resolve(folder, 'client.js')
await build({
  entryPoints: [entry],
  outdir: folder,
  allowOverwrite: true,
  bundle: true,
  // The compiler, 2 MiB of WebAssembly, stays a file of its own that is loaded when it is needed.
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // The runtime is CommonJS inside, and asks for modules of Node.
  banner: { js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);" },
})
// Everybody else imports types of these alone.
for (const bundled of ['internal', 'models']) rmSync(resolve(folder, bundled), { recursive: true })
console.log('bundled dist/generated/prisma')
