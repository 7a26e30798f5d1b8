import { readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { hostname } from 'node:os'

/** What tells one running process from any other, also after a pid was reused, a reboot, or a container's restart. */
export interface ProcessIdentity {
  readonly host: string
  readonly pid: number
  /** When the process started, in ticks since the boot (proc(5), stat field 22); null where there is no /proc. */
  readonly startedAt: string | null
  /** Which boot of which kernel; null where there is no /proc. */
  readonly boot: string | null
  /** The machine's lasting id (machine-id(5)); null where it has none, such as in most containers. */
  readonly machine: string | null
  /** The pid namespace: pids can be compared within one only; null where there is no /proc. */
  readonly pidSpace: string | null
}

/** Whether a process runs; `unknown` when it cannot be told from here. */
export type Liveness = 'alive' | 'dead' | 'unknown'

/** Whether a path is short enough for a Unix socket everywhere (sun_path has 104 bytes on macOS, 108 on Linux). */
export function isSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= 100
}

/** The identity of this process. */
export function ownIdentity(): ProcessIdentity {
  return {
    host: hostname(),
    pid: process.pid,
    startedAt: processStat(process.pid)?.startedAt ?? null,
    boot: firstLine('/proc/sys/kernel/random/boot_id'),
    machine: firstLine('/etc/machine-id'),
    pidSpace: linkTarget('/proc/self/ns/pid'),
  }
}

/**
 * Whether the process `other` still runs, seen from the process `own`. Only what the kernel says counts: no clocks.
 *
 * @param socketPath where `other` listens for as long as it lives, if it could; this works between containers, too
 */
export async function judgeLiveness(other: ProcessIdentity, own: ProcessIdentity, socketPath: string): Promise<Liveness> {
  if (other.boot !== own.boot) return isRebooted(other, own) ? 'dead' : 'unknown'
  if (other.boot === null && other.host !== own.host) return 'unknown'
  if (other.pidSpace !== own.pidSpace) return judgeSocket(socketPath)
  if (!isPidAlive(other.pid)) return 'dead'
  const startedAt = processStat(other.pid)?.startedAt ?? null
  if (startedAt === null || other.startedAt === null) return judgeSocket(socketPath)
  return startedAt === other.startedAt ? 'alive' : 'dead'
}

/** The same machine under another boot: nothing of the old boot is running. */
function isRebooted(other: ProcessIdentity, own: ProcessIdentity): boolean {
  return other.boot !== null && own.boot !== null && other.machine !== null && other.machine === own.machine && other.host === own.host
}

function isPidAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  const state = processStat(pid)?.state
  return state !== 'Z' && state !== 'X'
}

/** State and start time of a process (proc(5)); its name, in parentheses, may hold anything, so fields count from its end. */
function processStat(pid: number): { state: string | undefined; startedAt: string | undefined } | undefined {
  const line = firstLine(`/proc/${pid}/stat`)
  if (line === null) return undefined
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0], startedAt: fields[19] }
}

/** A socket file outlives its process, but then nobody accepts. */
function judgeSocket(path: string): Promise<Liveness> {
  if (!isSocketPath(path)) return Promise.resolve('unknown')
  return new Promise((resolve) => {
    const socket = connect(path)
    const settle = (liveness: Liveness) => {
      socket.destroy()
      resolve(liveness)
    }
    socket.setTimeout(2000, () => settle('alive'))
    socket.once('connect', () => settle('alive'))
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code === 'ECONNREFUSED' ? 'dead' : 'unknown'))
  })
}

function firstLine(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').split('\n')[0]?.trim() || null
  } catch {
    return null
  }
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
