import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { availableParallelism, cpus, platform } from 'node:os'

/** What a processor is for: the server that is measured, or who loads it. */
export type Part = 'server' | 'load'

const CORES: Readonly<Record<Part, string>> = { server: '0', load: '1' }
const hasTools = platform() === 'linux' && availableParallelism() > 1 && ['taskset', 'chrt'].every(isThere)

/** One line about this machine. */
export function describeMachine(): string {
  const [first] = cpus()
  return `${cpus().length} x ${first?.model ?? 'unknown processor'}, Node ${process.version}, ${platform()}`
}

/** Keeps a process and all its threads on the processor for this part; does nothing where that cannot be said. */
export function pin(pid: number, part: Part): void {
  if (hasTools) spawnSync('taskset', ['-a', '-c', '-p', CORES[part], String(pid)], { stdio: 'ignore' })
}

/**
 * Keeps the processor of the load awake until it is stopped, by a loop of the least priority: waking a core that sleeps costs the
 * server as much as a small answer does. Returns what ends it.
 */
export function keepAwake(): () => void {
  if (!hasTools) {
    console.log('servers are not kept on a processor of their own: that needs Linux, two processors, taskset and chrt')
    return () => undefined
  }
  const args = [
    '-c',
    CORES.load,
    'chrt',
    '--idle',
    '0',
    process.execPath,
    '--eval',
    'process.on("disconnect", () => process.exit()); setImmediate(function spin() { for (let end = performance.now() + 50; performance.now() < end; ); setImmediate(spin) })',
  ]
  const spinner: ChildProcess = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  return () => void spinner.kill('SIGKILL')
}

function isThere(tool: string): boolean {
  return spawnSync('which', [tool]).status === 0
}
