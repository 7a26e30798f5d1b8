import { isNodeNewEnough } from './core/platform/node-version.js'

// As in main.ts: an old Node.js is told so before anything else is loaded.
if (isNodeNewEnough()) void start()

/** Decorators ask for the metadata as soon as they are loaded, and a bundle does not keep the order of imports across its files. */
async function start(): Promise<void> {
  await import('reflect-metadata')
  await import('./admin-reset-start.js')
}
