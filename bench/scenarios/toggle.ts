import type { DatabaseEngine } from '../../src/core/database/database.js'
import { createTestDatabase, usePostgres } from '../../test/testkit/databases.js'
import { type Bench, type BenchScenario, jobOf, type Plan, withBuilt } from '../bench.js'
import { startChild } from '../child.js'
import { type Contestant, contest, contestSeconds } from '../contest.js'
import { makeToggled, setRules, TOGGLED_KEYS } from '../flags.js'
import type { Call } from '../load.js'
import type { Measurement } from '../measurement.js'
import { keystoneUpdates } from '../peers/keystone.js'
import { unleashToggles } from '../peers/unleash.js'
import { runRounds, type Scenario } from '../rounds.js'
import type { BuiltServer } from '../servers/built-server.js'
import type { TransactionJob } from '../servers/transactions-process.js'

const SET =
  'mutation ($key: String!, $on: Boolean!) { setFeatureFlag(input: { key: $key, isEnabled: $on }) { featureFlag { key isEnabled } userErrors { message } revision } }'
const HEAD = '{ evaluateFlag(key: "none") { revision } }'
const CLIENTS = [1, 8, 64, 256]
const PEER_CLIENTS = 64

/** Every flag is switched off and on again, so that every call is a change. */
export const TOGGLES: readonly (readonly Call[])[] = TOGGLED_KEYS.map((key) => [false, true].map((on) => callOf(key, on)))

function callOf(key: string, on: boolean): Call {
  const payload = { featureFlag: { key, isEnabled: on }, userErrors: [], revision: 0 }
  return { body: JSON.stringify({ query: SET, variables: { key, on } }), answer: JSON.stringify({ data: { setFeatureFlag: payload } }) }
}

/** Commits, beside bare transactions on the same engine. */
export const toggle: BenchScenario = {
  name: 'toggle',
  measures: `one flag's switch as a commit, ${CLIENTS.join(', ')} clients, both engines`,
  seconds: (plan, isWithPeers) => 2 * (10 + loopSeconds(plan)) + 2 * contestSeconds(plan, isWithPeers ? 3 : 1),
  async run(bench) {
    if (await usePostgres()) {
      const database = await createTestDatabase()
      await withBuilt(bench, { databaseUrl: database.url }, (server) => measure(bench, 'postgresql', server)).finally(() => database.drop())
    }
    await withBuilt(bench, {}, (server) => measure(bench, 'pglite', server))
  },
}

function loopSeconds({ warmUpMs, measureMs, rounds }: Plan): number {
  return (2 * (warmUpMs + CLIENTS.length * rounds * measureMs * 1.1)) / 1_000
}

async function measure(bench: Bench, engine: DatabaseEngine, server: BuiltServer): Promise<void> {
  await makeToggled(server)
  await setRules(server, true)
  const database = engine === 'postgresql' ? await createTestDatabase() : undefined
  const args = database ? [database.url] : []
  const transactions = startChild<TransactionJob, Measurement>('./servers/transactions-process.js', args, 'server')
  const { plan, loader } = bench
  const shed = new Map<number, number>()
  const load = async (connections: number, measureMs: number): Promise<Measurement> => {
    const job = { ...jobOf(server), warmUpMs: measureMs / 10, measureMs, connections, groups: TOGGLES, isPatient: true }
    const result = await verified(server, () => loader.ask(job))
    shed.set(connections, (shed.get(connections) ?? 0) + result.shed)
    return result
  }
  try {
    await load(64, plan.warmUpMs)
    await transactions.ask({ callers: 8, warmUpMs: 0, measureMs: plan.warmUpMs })
    const scenarios = CLIENTS.flatMap((clients): Scenario[] => {
      const baseline = `bare transaction, ${clients} callers`
      const { measureMs } = plan
      return [
        { name: baseline, measure: () => transactions.ask({ callers: clients, warmUpMs: measureMs / 10, measureMs }) },
        { name: `setFeatureFlag, ${clients} clients`, baselines: [baseline], measure: () => load(clients, measureMs) },
      ]
    })
    const rows = await runRounds(scenarios, plan.rounds)
    bench.show({ title: `toggle: commits over HTTP, ${engine}`, unit: 'per second', rows, facts: [], notes: notesOf(shed) })
  } finally {
    await transactions.stop()
    await database?.drop()
  }
  await measureCost(bench, engine, server)
}

/** Commits per second of the server's own processor time, beside peers where there are any. */
async function measureCost(bench: Bench, engine: DatabaseEngine, server: BuiltServer): Promise<void> {
  const peers: Contestant[] = []
  try {
    if (bench.isWithPeers && engine === 'postgresql') peers.push(...(await unleashToggles()), ...(await keystoneUpdates()))
    const before = { head: 0 }
    const own: Contestant = {
      ...{ name: `setFeatureFlag, ${PEER_CLIENTS} clients`, server, to: jobOf(server), groups: TOGGLES },
      baselines: peers.map(({ name }) => name),
      async prepare() {
        before.head = await headOf(server)
      },
      verify: (sent) => made(server, before.head, sent),
    }
    bench.show(
      await contest(bench, { title: `toggle: what a commit costs, ${engine}`, contestants: [...peers, own], connections: PEER_CLIENTS }),
    )
  } finally {
    for (const { server: each } of peers) await each.stop()
  }
}

/** Throws Error unless every answered call has made one revision. */
export async function verified<T extends { readonly sent: number }>(server: BuiltServer, load: () => Promise<T>): Promise<T> {
  const before = await headOf(server)
  const result = await load()
  await made(server, before, result.sent)
  return result
}

async function made(server: BuiltServer, before: number, sent: number): Promise<void> {
  const revisions = (await headOf(server)) - before
  if (revisions !== sent) throw new Error(`${sent} commits were answered, but ${revisions} revisions were made`)
}

async function headOf(server: BuiltServer): Promise<number> {
  return (await server.ask<{ evaluateFlag: { revision: number } }>(HEAD)).evaluateFlag.revision
}

function notesOf(shed: ReadonlyMap<number, number>): string[] {
  return [...shed]
    .filter(([, count]) => count > 0)
    .map(([clients, count]) => `${clients} clients: ${count} times a commit was refused as too much (503), and sent again`)
}
