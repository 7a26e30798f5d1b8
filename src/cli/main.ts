#!/usr/bin/env node
import { isNodeNewEnough } from '../core/platform/node-version.js'

// An old Node.js has to get this far, so that it can be told; and what is asked most often loads nothing.
if (isNodeNewEnough()) void start()

async function start(): Promise<void> {
  const [argument, ...more] = process.argv.slice(2)
  if (more.length === 0 && (argument === '--version' || argument === '-V')) {
    const { VERSION } = await import('./version.js')
    process.stdout.write(`${VERSION}\n`)
    return
  }
  const { run } = await import('./run.js')
  await run(process.argv.slice(2))
}
