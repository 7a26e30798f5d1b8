import type { Child } from './child.js'
import type { LoadJob, LoadResult } from './load.js'
import type { Section } from './report.js'
import { type BuiltServer, type BuiltServerOptions, startBuiltServer } from './servers/built-server.js'

/** Loads a server. */
export type Loader = Child<LoadJob, LoadResult>

/** How long things are measured. */
export interface Plan {
  readonly isShort: boolean
  readonly rounds: number
  /** Before its first round, each server is loaded for so long, so that its code is compiled for good. */
  readonly warmUpMs: number
  readonly measureMs: number
}

/** What a scenario finds when it runs. */
export interface Bench {
  readonly plan: Plan
  readonly loader: Loader
  /** The folder of the build that is measured. */
  readonly dist: string
  /** Whether other programs are measured beside this one. */
  readonly isWithPeers: boolean
  show(section: Section): void
}

/** Something that `npm run bench` measures. A new one is a file in `scenarios/`, and a line in `scenarios/index.ts`. */
export interface BenchScenario {
  /** Its name on the command line. */
  readonly name: string
  /** What is measured, in a few words. */
  readonly measures: string
  /** How many seconds it takes, roughly. */
  seconds(plan: Plan, isWithPeers: boolean): number
  run(bench: Bench): Promise<void>
}

/** Runs `work` with the built server, which is stopped afterwards. */
export async function withBuilt<T>(
  { dist }: Bench,
  options: Omit<BuiltServerOptions, 'dist'>,
  work: (server: BuiltServer) => Promise<T>,
): Promise<T> {
  const server = await startBuiltServer({ ...options, dist })
  try {
    return await work(server)
  } finally {
    await server.stop()
  }
}

/** Where GraphQL is, with the admin's key. */
export function jobOf({ port, adminKey }: Pick<BuiltServer, 'port' | 'adminKey'>): Pick<LoadJob, 'host' | 'port' | 'path' | 'headers'> {
  return { host: '127.0.0.1', port, path: '/graphql', headers: { authorization: `Bearer ${adminKey}` } }
}
