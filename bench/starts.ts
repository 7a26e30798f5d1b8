import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBuiltServer } from './built-server.js'
import type { Measurement } from './measurement.js'
import type { Scenario } from './rounds.js'

/** The least that a start can be: Node, and a server that listens. */
const BARE_START = 'require("node:http").createServer().listen(0, "127.0.0.1", () => console.log("ready"))'

/**
 * Starts of the built server, until it says that it is ready, beside those of a bare node:http server: on a new data
 * directory (from the build's template), and on one that is there.
 */
export async function withStarts<T>(work: (scenarios: readonly Scenario[]) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'valhalla-bench-starts-'))
  const kept = join(root, 'kept')
  const baseline = 'node:http, start'
  try {
    await startOn(kept)
    return await work([
      { name: baseline, measure: startBare },
      { name: 'first start, embedded', baseline, measure: () => startOn(join(root, `new-${performance.now()}`)) },
      { name: 'later start, embedded', baseline, measure: () => startOn(kept) },
    ])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function startOn(dataDir: string): Promise<Measurement> {
  const startedAtMs = performance.now()
  const server = await startBuiltServer(undefined, { VALHALLA_DATA_DIR: dataDir })
  const measurement = once(performance.now() - startedAtMs)
  await server.stop()
  return measurement
}

async function startBare(): Promise<Measurement> {
  const startedAtMs = performance.now()
  const child = spawn(process.execPath, ['--eval', BARE_START], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', (code) => reject(new Error(`the bare server ended with status ${code}`)))
  })
  const measurement = once(performance.now() - startedAtMs)
  child.kill('SIGTERM')
  await ended
  return measurement
}

function once(timeMs: number): Measurement {
  return { count: 1, perSecond: 1_000 / timeMs, p50Ms: timeMs, p99Ms: timeMs }
}
