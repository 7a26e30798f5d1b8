import type { Bench, Plan } from './bench.js'
import type { Call, LoadJob } from './load.js'
import type { Measurement } from './measurement.js'
import type { Section } from './report.js'
import { runRounds } from './rounds.js'
import type { MeasuredProcess } from './servers/measured-process.js'

/** Who answers the same requests as others. */
export interface Contestant {
  readonly name: string
  readonly server: MeasuredProcess
  /** Where its requests go. */
  readonly to: Pick<LoadJob, 'host' | 'port' | 'path' | 'headers'>
  readonly groups: readonly (readonly Call[])[]
  /** Names of those it is compared with. */
  readonly baselines?: readonly string[]
  /** Called before it is loaded, each time. */
  prepare?(): Promise<void>
  /** Called after each round with what was sent. Throws Error when that cannot be. */
  verify?(sent: number): Promise<void>
}

/** What a contest is about. */
export interface ContestOptions {
  readonly title: string
  readonly contestants: readonly Contestant[]
  readonly connections?: number
}

const CONNECTIONS = 50

/** How many seconds a contest of so many takes. */
export function contestSeconds({ warmUpMs, measureMs, rounds }: Plan, contestants: number): number {
  return (contestants * (warmUpMs + rounds * (measureMs + 100))) / 1_000
}

/** Requests per second of the processor time that the server takes, on all its threads: warmed up, then in interleaved rounds. */
export async function contest(bench: Bench, { title, contestants, connections = CONNECTIONS }: ContestOptions): Promise<Section> {
  const { plan } = bench
  const load = async (contestant: Contestant, measureMs: number): Promise<Measurement> => {
    const { server, to, groups, prepare, verify } = contestant
    await prepare?.()
    const before = await server.busyMs()
    const result = await bench.loader.ask({ ...to, groups, connections, warmUpMs: 0, measureMs })
    const busyMs = (await server.busyMs()) - before
    await verify?.(result.sent)
    return { ...result, perSecond: (result.sent * 1_000) / busyMs }
  }
  for (const contestant of contestants) await load(contestant, plan.warmUpMs)
  const rows = await runRounds(
    contestants.map((each) => ({ name: each.name, baselines: each.baselines ?? [], measure: () => load(each, plan.measureMs) })),
    plan.rounds,
  )
  return { title, unit: 'per CPU-second', rows, facts: [] }
}
