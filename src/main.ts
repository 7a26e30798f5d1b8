import nodeModule from 'node:module'
import { isNodeNewEnough } from './core/platform/node-version.js'

// An old Node.js has to get this far, so that it can be told: no `await` stands here, and everything else is loaded later.
if (isNodeNewEnough()) void start()

/** A fault of loading has nobody to catch it, and so ends the process like every other one. */
async function start(): Promise<void> {
  // Compiled code is kept for the next start, by versions of Node.js that can (22.1 and newer).
  const { enableCompileCache } = nodeModule as { readonly enableCompileCache?: () => unknown }
  enableCompileCache?.()
  // The engine of the embedded database is compiled on other threads while this one loads the program: both take long.
  // What reads the settings is not loaded yet; a wrong guess costs time alone.
  const mayUseEngine = process.argv.length === 2 && !process.env.DATABASE_URL
  if (mayUseEngine) {
    const { compileEngine } = await import('./core/database/embedded/engine-module.js')
    void compileEngine()
  }
  // Decorators ask for the metadata as soon as they are loaded, and a bundle does not keep the order of imports across its files.
  await import('reflect-metadata')
  await import('./start.js')
}
