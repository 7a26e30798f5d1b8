import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { type Instruction, readPair, readStages } from './dockerfile.js'

/** A stage that was built: a folder in place of its file system. */
export interface BuiltStage {
  readonly name: string
  readonly root: string
  readonly instructions: readonly Instruction[]
  /** What processes of the image find in their environment, absolute paths below `root`. */
  readonly env: Readonly<Record<string, string>>
  /** The folder that it ends in, below `root`. */
  readonly folder: string
  /** Everything that its RUN steps printed. */
  readonly output: string
}

/**
 * Carries out the Dockerfile of `context` as far as that goes without a container engine: each stage in a clean folder below
 * `target`, with the tools of this machine in place of the base image's. The last one is the image. Throws Error when a step fails.
 */
export function buildImage(context: string, target: string): readonly BuiltStage[] {
  const built: BuiltStage[] = []
  const ignored = readIgnored(join(context, '.dockerignore'))
  for (const { name, instructions } of readStages(readFileSync(join(context, 'Dockerfile'), 'utf8'))) {
    const root = join(target, name)
    mkdirSync(root)
    const stage = { name, root, instructions, env: {} as Record<string, string>, folder: root, output: '' }
    for (const { name: step, flags, rest } of instructions) {
      if (step === 'WORKDIR') {
        stage.folder = join(root, rest)
        mkdirSync(stage.folder, { recursive: true })
      } else if (step === 'ENV' || step === 'ARG') Object.assign(stage.env, below(root, readPair(rest)))
      else if (step === 'RUN') stage.output += run(rest, stage)
      else if (step === 'COPY') {
        const from = built.find((each) => each.name === flags['from'])
        if (flags['from'] !== undefined && !from) throw new Error(`there is no stage ${flags['from']} before COPY ${rest}`)
        copy(rest.split(' '), { from: from?.root ?? context, to: stage.folder, isLeftOut: from ? () => false : ignored })
      }
    }
    built.push(stage)
  }
  return built
}

/** Absolute paths are those of the image. */
function below(root: string, pair: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(pair).map(([name, value]) => [name, value.startsWith('/') ? join(root, value) : value]))
}

/** `PATH` and what npm needs to find its cache; nothing else of this machine. */
export function bareEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME }
}

function run(command: string, { name, folder, env }: { name: string; folder: string; env: Record<string, string> }): string {
  console.log(`[${name}] ${command}`)
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', command], {
    cwd: folder,
    env: { ...bareEnvironment(), ...env },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}${stderr}`)
  return `${stdout}${stderr}`
}

interface Copying {
  readonly from: string
  readonly to: string
  isLeftOut(path: string): boolean
}

/** Several sources, or one that is a folder, become contents of the target; one file or folder becomes the target. */
function copy(paths: readonly string[], { from, to, isLeftOut }: Copying): void {
  const target = paths.at(-1) ?? '.'
  for (const source of paths.slice(0, -1)) {
    const path = join(from, source)
    const filter = (each: string): boolean => !isLeftOut(relative(from, each))
    cpSync(path, target.endsWith('/') ? join(to, target, source) : resolve(to, target), { recursive: true, filter, verbatimSymlinks: true })
  }
}

/** Names in the root of the context, and `**` + `/*` + an ending anywhere in it: nothing else is used in .dockerignore here. */
function readIgnored(file: string): (path: string) => boolean {
  const lines = readFileSync(file, 'utf8').split('\n')
  const patterns = lines.filter((line) => line !== '' && !line.startsWith('#'))
  const endings = patterns.filter((pattern) => pattern.startsWith('**/*')).map((pattern) => pattern.slice('**/*'.length))
  const names = patterns.filter((pattern) => !pattern.includes('*'))
  return (path) => names.some((name) => path === name || path.startsWith(`${name}/`)) || endings.some((ending) => path.endsWith(ending))
}
