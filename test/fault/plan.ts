import { parseArgs } from 'node:util'
import type { DatabaseEngine } from '../../src/core/database/database.js'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { usePostgres } from '../testkit/databases.js'
import { builtServer, type Program } from '../testkit/server-process.js'

const ENGINES_OF: Readonly<Record<string, readonly DatabaseEngine[]>> = {
  pglite: ['pglite'],
  postgresql: ['postgresql'],
  both: ['pglite', 'postgresql'],
}

/** Engines that `--engine` names, or what is wrong with it. */
export function readEngines(name: string): readonly DatabaseEngine[] | string {
  return ENGINES_OF[name] ?? `--engine must be one of ${Object.keys(ENGINES_OF).join(', ')}`
}

/** A whole number from 1 to 9999. */
export function isCount(text: string): boolean {
  return /^[1-9]\d{0,3}$/.test(text)
}

/** Those of the engines that are here. None is no success: who names PostgreSQL alone wants it. */
export async function presentEngines(engines: readonly DatabaseEngine[]): Promise<readonly DatabaseEngine[]> {
  const isHere = await Promise.all(engines.map((engine) => engine === 'pglite' || usePostgres()))
  return engines.filter((_engine, index) => isHere[index])
}

/** Runs so many rounds on an engine; whether nothing was wrong. */
type RunEngine = (engine: DatabaseEngine, program: Program, rounds: number) => Promise<boolean>

/** Runs what `--rounds` (50 when it is left out) and `--engine` (both) ask for; the exit status. */
export async function runOnEngines(runEngine: RunEngine): Promise<number> {
  const plan = readPlan()
  if (typeof plan === 'string') return fail(plan, EXIT_USAGE)
  const program = builtServer()
  if (!program) return fail('there is no dist/main.js: run `npm run build` first', 1)
  const engines = await presentEngines(plan.engines)
  let isWell = engines.length > 0
  for (const engine of engines) isWell = (await runEngine(engine, program, plan.rounds)) && isWell
  return isWell ? 0 : 1
}

function readPlan(): { readonly engines: readonly DatabaseEngine[]; readonly rounds: number } | string {
  try {
    const { values } = parseArgs({ options: { rounds: { type: 'string', default: '50' }, engine: { type: 'string', default: 'both' } } })
    const engines = readEngines(values.engine)
    if (typeof engines === 'string') return engines
    if (!isCount(values.rounds)) return '--rounds must be a whole number from 1 to 9999'
    return { engines, rounds: Number(values.rounds) }
  } catch (error) {
    return messageOf(error)
  }
}

/** The number of `--rounds`, the one thing that the command line may say; or what is wrong with it. */
export function readRounds(byDefault: string): number | string {
  try {
    const { rounds } = parseArgs({ options: { rounds: { type: 'string', default: byDefault } } }).values
    return isCount(rounds) ? Number(rounds) : '--rounds must be a whole number from 1 to 9999'
  } catch (error) {
    return messageOf(error)
  }
}

/** Says what is wrong, and gives the exit status back. */
export function fail(line: string, status: number): number {
  console.error(line)
  return status
}

/** The words of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
