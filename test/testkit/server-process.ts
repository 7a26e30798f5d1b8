import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { FormattedExecutionResult } from 'graphql'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUILT = join(ROOT, 'dist', 'main.js')
/** How long anything that must happen may take, also on a busy machine; longer than any write waits. Milliseconds. */
const LIMIT_MS = 100_000

/** Arguments of node that start a program. */
export type Program = readonly string[]

/** The server as it is shipped; undefined when nothing has been built. */
export function builtServer(): Program | undefined {
  return existsSync(BUILT) ? [BUILT] : undefined
}

/** Whether what is built is as new as the sources: it starts in half of their time. */
const isBuildFresh: boolean = existsSync(BUILT) && statSync(BUILT).mtimeMs >= newestSourceMs(join(ROOT, 'src'))

/** For programs that live for a moment: compiling the database's engine well takes longer than it gains. */
export const SHORT_LIVED: Program = ['--liftoff-only']

/** One of the programs in `src`, such as `main`: as it was built where that is as new as the sources, else the sources. */
export function anyProgram(name: string): Program {
  return [...SHORT_LIVED, ...(isBuildFresh ? [join(ROOT, 'dist', `${name}.js`)] : ['--import', 'tsx', join(ROOT, 'src', `${name}.ts`)])]
}

/** The server, built or not. */
export function anyServer(): Program {
  return anyProgram('main')
}

function newestSourceMs(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('generated'))
  return Math.max(...sources.map((file) => statSync(join(folder, file)).mtimeMs))
}

/** An answer over HTTP. */
export interface HttpAnswer extends FormattedExecutionResult<Record<string, never>> {
  readonly status: number
  readonly headers: Headers
}

/** A GraphQL request over HTTP; throws when no whole answer comes. */
export interface HttpQuestion {
  readonly key: string | null
  readonly query: string
  readonly variables?: Record<string, unknown>
  readonly requestId?: string
}

/** Asks a server at `url`. */
export async function askOverHttp(url: string, { key, query, variables = {}, requestId }: HttpQuestion): Promise<HttpAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(LIMIT_MS),
  })
  const body = (await response.json()) as FormattedExecutionResult<Record<string, never>>
  return { ...body, status: response.status, headers: response.headers }
}

/** A process that has been told to become a server. */
export interface StartingServer {
  readonly pid: number
  /** Resolves when it answers; rejects with its last words when it ends before that, or takes too long. */
  readonly ready: Promise<ReadyServer>
  /** Everything that it has printed, standard output and standard error. */
  output(): string
  /** Ends it without a warning (SIGKILL), and waits until it is gone. */
  kill(): Promise<void>
  /** Asks it to stop (SIGTERM), and waits until it has; its exit code, null when it had to be killed. */
  stop(): Promise<number | null>
  /** Waits until it has ended by itself. */
  ended(): Promise<number | null>
}

/** A server process that answers. */
export interface ReadyServer {
  /** Where it is, without a slash at its end. */
  readonly url: string
  /** From the start of the process until it said that it was ready, in milliseconds. */
  readonly startUpMs: number
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a server with these settings and no others, on a free port. */
export function launchServer(program: Program, settings: Record<string, string>): StartingServer {
  const startedAtMs = performance.now()
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env
  const env = { PATH, HOME, ...(TMPDIR === '' ? {} : { TMPDIR }), HOST: '127.0.0.1', PORT: '0', ...settings }
  const child = spawn(process.execPath, [...program], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const gone = once(child, 'close').then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line))
  const stdout = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const url = new Promise<string>((resolve) => stdout.on('line', (line) => resolveReady(line, resolve)))
  const output = (): string => lines.join('\n')
  const ready = within(LIMIT_MS, 'is not ready', [
    url.then((at) => ({ url: at, startUpMs: performance.now() - startedAtMs })),
    gone.then((code) => Promise.reject(new Error(`the server ended (${code}) before it was ready:\n${output()}`))),
  ])
  // Whoever kills a starting server does not wait for it.
  ready.catch(() => undefined)
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  return {
    pid: child.pid ?? 0,
    ready,
    output,
    kill,
    async stop() {
      child.kill('SIGTERM')
      return within(LIMIT_MS, 'did not stop', [gone]).catch(async () => {
        await kill()
        return null
      })
    },
    ended: () => within(LIMIT_MS, 'did not end', [gone]),
  }
}

/** The line in which a server says where it listens. */
function resolveReady(line: string, resolve: (url: string) => void): void {
  const [, url] = /"url":"(http:[^"]+)\/graphql"/.exec(line) ?? []
  if (url !== undefined && line.includes('"ready')) resolve(url)
}

async function within<T>(limitMs: number, what: string, racers: readonly Promise<T>[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the server ${what} after ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([...racers, late])
  } finally {
    clearTimeout(timer)
  }
}
