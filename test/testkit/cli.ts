import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleCli } from '../../scripts/build/cli-bundle.js'
import { until } from './until.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** How a command ended, and what it printed. */
export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a command is run with, besides its arguments. */
export interface CliOptions {
  readonly env?: Record<string, string>
  readonly input?: string
  readonly cwd?: string
}

/** A command that runs in a terminal; the output is what the terminal shows. */
export interface TerminalSession {
  /** Waits until the terminal shows a text. */
  shows(text: string): Promise<void>
  type(keys: string): void
  ended(): Promise<CliResult>
}

/** The command line as it is shipped, bundled of these sources, with a home of its own. */
export interface TestCli {
  readonly folder: string
  readonly program: string
  /** The variables that every command gets. */
  readonly env: Record<string, string>
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>
  /** Runs a command in a pseudo-terminal, by script(1) of util-linux. */
  terminal(args: readonly string[], options?: CliOptions): TerminalSession
  close(): void
}

/** Bundles the command line into a folder of its own; `env` says where it goes. */
export async function createTestCli(env: Record<string, string> = {}): Promise<TestCli> {
  const folder = mkdtempSync(join(tmpdir(), 'valhalla-cli-'))
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  await bundleCli(join(folder, 'dist/cli'))
  const program = join(folder, 'dist/cli/main.js')
  const { PATH = '' } = process.env
  const all = { PATH, HOME: join(folder, 'home'), XDG_CONFIG_HOME: join(folder, 'config'), TERM: 'xterm', ...env }
  return {
    folder,
    program,
    env: all,
    run: (args, { env: more = {}, input = '', cwd = folder } = {}) => {
      const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...all, ...more } })
      child.stdin.on('error', () => undefined).end(input)
      return resultOf(child)
    },
    terminal(args, { env: more = {}, cwd = folder } = {}) {
      const command = [process.execPath, program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
      const child = spawn('script', ['-qec', `stty cols 160 rows 50; exec ${command}`, '/dev/null'], { cwd, env: { ...all, ...more } })
      let shown = ''
      child.stdout.on('data', (data) => {
        shown += String(data)
      })
      const result = resultOf(child)
      return {
        shows: (text) => until(() => shown.includes(text)),
        type: (keys) => void child.stdin.write(keys),
        ended: () => result,
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function resultOf(child: ChildProcess): Promise<CliResult> {
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (data) => {
      texts[name] += String(data)
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...texts }
}
