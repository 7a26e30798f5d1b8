import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { pin } from '../machine.js'

/** The longest stall of an event loop: by the clock, and by the processor time that the process took meanwhile; milliseconds. */
export interface Stall {
  readonly clockMs: number
  readonly busyMs: number
}

/** A server in a process of its own, on the processor that is for servers. */
export interface MeasuredProcess {
  /** Where it listens, as it has said. */
  readonly url: string
  readonly pid: number
  /** Processor time that it has taken since its start, on all its threads; milliseconds. */
  busyMs(): Promise<number>
  /** The longest stall since this was last asked; the first question begins to look. */
  longestStall(): Promise<Stall>
  stop(): Promise<void>
}

/** What is started. */
export interface Program {
  /** Arguments of Node: a script and what it takes. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Starts it as it is: without the meter, on any processor. */
  readonly isPlain?: boolean
}

const START_LIMIT_MS = 60_000
const METER = new URL('./meter.mjs', import.meta.url).href

/** Starts a program that prints a line of JSON with its `url` once it listens. Throws Error with what it printed when it does not. */
export async function startMeasured({ args, env, cwd, isPlain = false }: Program): Promise<MeasuredProcess> {
  const metered = isPlain ? args : ['--import', METER, ...args]
  const child = spawn(process.execPath, metered, { env, cwd, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  if (!isPlain) pin(Number(child.pid), 'server')
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  const ask = <T>(question: string): Promise<T> =>
    new Promise((done, fail) => {
      child.once('message', (answer) => done(answer as T))
      child.send(question, (error) => error && fail(error))
    })
  try {
    const url = await untilReady(child)
    return { url, pid: Number(child.pid), stop, busyMs: () => ask('busy?'), longestStall: () => ask('stall?') }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The URL in the line of JSON that says that the server is ready. */
function untilReady(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines: string[] = []
    const fail = (what: string): void => reject(new Error(`the server ${what}:\n${lines.join('\n')}`))
    const timer = setTimeout(() => fail(`was not ready after ${START_LIMIT_MS} ms`), START_LIMIT_MS)
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`ended with status ${code}`)
    })
    if (!child.stdout) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      const { url } = parseLine(line)
      if (typeof url !== 'string') return
      clearTimeout(timer)
      resolve(url)
    })
  })
}

function parseLine(line: string): { readonly url?: unknown } {
  try {
    return JSON.parse(line) as { url?: unknown }
  } catch {
    return {}
  }
}
