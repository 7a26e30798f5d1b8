import { type Bench, type BenchScenario, jobOf, withBuilt } from './bench.js'
import { type Contestant, contest, contestSeconds } from './contest.js'
import { makeFlags, setRules } from './flags.js'
import { type Call, SERIAL } from './load.js'
import { startGraphqlPeers } from './peers/graphql.js'
import type { BuiltServer } from './servers/built-server.js'
import { startMeasured } from './servers/measured-process.js'

/** A read that is compared with raw node:http and other servers that answer the same data. */
export interface ReadScenario {
  readonly name: string
  readonly measures: string
  /** What is asked; each group goes over one connection. */
  readonly groups: readonly (readonly Call[])[]
  /** How this project is measured; left out: once, with three rules. */
  ways?(bench: Bench, server: BuiltServer): Promise<readonly Way[]>
  readonly countWays?: number
  /** Peers of another kind than GraphQL servers. */
  peers?(bench: Bench, server: BuiltServer): Promise<readonly Contestant[]>
}

/** One way in which this project is measured. */
export interface Way {
  readonly name: string
  readonly server: BuiltServer
  prepare?(): Promise<void>
}

export const RAW = 'raw node:http'

/** A scenario of one kind of read. */
export function readScenario(scenario: ReadScenario): BenchScenario {
  const { name, measures, countWays = 1, peers } = scenario
  return {
    name,
    measures,
    seconds: (plan, isWithPeers) => 5 + contestSeconds(plan, 1 + countWays + (isWithPeers ? 2 + (peers ? 1 : 0) : 0)),
    run: (bench) => withBuilt(bench, {}, (server) => measureRead(bench, scenario, server)),
  }
}

async function measureRead(bench: Bench, { name, measures, groups, ways, peers }: ReadScenario, server: BuiltServer): Promise<void> {
  await makeFlags(server)
  await setRules(server, true)
  const data = await firstAnswer(server, groups)
  const all: Contestant[] = []
  try {
    // Their answers do not depend on what is asked: every call has the same one.
    const same = groups.map((calls) => calls.map(({ body }) => ({ body })))
    const raw = await startRaw({ data })
    all.push({ name: RAW, server: raw, to: placeOf(raw.url), groups: same })
    if (bench.isWithPeers) all.push(...(await startGraphqlPeers(data, same)))
    if (bench.isWithPeers && peers) all.push(...(await peers(bench, server)))
    const baselines = all.map((each) => each.name)
    const own = (await ways?.(bench, server)) ?? [{ name: 'this project, 3 rules', server }]
    const project = own.map((way): Contestant => ({ ...way, to: jobOf(way.server), groups, baselines }))
    all.push(...project)
    bench.show(await contest(bench, { title: `${name}: ${measures}`, contestants: all }))
  } finally {
    for (const { server: each } of all) if (each !== server) await each.stop()
  }
}

/** The data that the first call is answered with. */
async function firstAnswer(server: BuiltServer, groups: readonly (readonly Call[])[]): Promise<Readonly<Record<string, unknown>>> {
  const { query, variables } = JSON.parse(groups[0]?.[0]?.body.replaceAll(SERIAL, '0') ?? '') as { query: string; variables?: object }
  return server.ask(query, variables)
}

/** Raw node:http that answers this to everything. */
export function startRaw(answer: object) {
  return startMeasured({
    args: [new URL('./servers/raw-server.mjs', import.meta.url).pathname],
    env: { NODE_ENV: 'production', ANSWER: JSON.stringify(answer) },
  })
}

/** Where a server without keys is. */
export function placeOf(url: string, path = '/graphql'): Contestant['to'] {
  return { host: '127.0.0.1', port: Number(new URL(url).port), path, headers: {} }
}

/** One group for each of these variables. */
export function callsOf(query: string, variables: readonly object[]): readonly (readonly Call[])[] {
  return variables.map((each) => [{ body: JSON.stringify({ query, variables: each }) }])
}
