import type { DatabaseEngine } from '../../src/core/database/database.js'
import { usePostgres } from '../testkit/databases.js'

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

/** Says what is wrong, and gives the exit status back. */
export function fail(line: string, status: number): number {
  console.error(line)
  return status
}

/** The words of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
