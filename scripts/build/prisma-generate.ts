import { createRequire } from 'node:module'
import { resolve } from 'node:path'

type Generators = typeof import('@prisma/client-generator-ts')
type Internals = typeof import('@prisma/internals')

/**
 * Part of `npm run build`: writes src/generated/prisma from the Prisma schema, as `prisma generate` would. The generator is
 * called as a library, since Prisma's command line brings its studio, a development server and a second PGlite along.
 */
const require = createRequire(import.meta.url)
// Both as CommonJS: the generator's ES module imports names of the other one that Node does not find in it.
const { PrismaClientTsGenerator }: Generators = require('@prisma/client-generator-ts')
const { getGenerator, loadSchemaContext }: Internals = require('@prisma/internals')

const schemaContext = await loadSchemaContext({ schemaPath: { cliProvidedPath: resolve('prisma') }, printLoadMessage: false })
const generator = await getGenerator({
  schemaContext,
  registry: { 'prisma-client': { type: 'in-process', generator: new PrismaClientTsGenerator() } },
  skipDownload: true,
  cliCommand: 'generate',
})
await generator.generate()
generator.stop()
console.log('generated src/generated/prisma')
