import 'reflect-metadata'
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildSchema } from 'graphql'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { fail, messageOf } from '../fault/plan.js'
import { HandClock } from '../testkit/hand-clock.js'
import { setup } from '../testkit/run-folder.js'
import type { GraphQLAnswer } from '../testkit/server.js'
import type { Material } from './cases.js'
import { type DocumentKind, INCOMPARABLE } from './documents.js'
import { Leg, MAX_TOLD } from './leg.js'
import { type Servers, startServers } from './servers.js'
import { Tally } from './tally.js'

/**
 * `npm run differential -- --cases 20000 --seed 7`: documents, variables, keys and changes that are drawn from the seed go to three
 * servers in step: plain Apollo with graphql-js, the short way with plans, and WebSockets. Exits with 1 when answers differ, or are
 * none that the policies allow, or a way was not taken; 64 when the command line cannot be understood. `--first N` begins with case N on
 * servers that have seen none before it: `--first N --cases 1` sends one case alone, and with the beginning of its thousand it
 * finds everything as it was.
 *
 * Not compared: the header Date, the order of headers of different names (RFC 9110, 5.3), which random tokens a server makes (but that
 * each stands where its counterpart does), the servers' ports, and status and headers where a WebSocket has none.
 */
interface Plan {
  readonly seed: number
  readonly first: number
  readonly cases: number
}

/** Cases on the same servers. Their logs grow, and there is what takes longer the longer they are. */
const CASES_A_LEG = 1_000
/** So few cases need not take every way. */
const FEW = 100

/** Of every root field. All of them are asked, so that they stay in step. */
async function samplesOf(servers: Servers): Promise<Material['samples']> {
  const [answer] = await Promise.all(Object.values(servers).map((server) => server.gql('{ operations { kind sample } }')))
  const { operations } = (answer as GraphQLAnswer).data as unknown as { operations: { kind: string; sample: string }[] }
  return operations
    .filter(({ sample }) => ![...INCOMPARABLE].some((name) => sample.includes(name)))
    .map(({ kind, sample }) => ({ text: sample, kind: kind.toLowerCase() as DocumentKind }))
}

function readPlan(): Plan | string {
  try {
    const options = {
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
      cases: { type: 'string', default: '20000' },
      first: { type: 'string', default: '0' },
    } as const
    const { seed, cases, first } = parseArgs({ options }).values
    if (![seed, cases, first].every((text) => /^\d{1,9}$/.test(text))) return '--seed, --cases and --first must be whole numbers'
    return { seed: Number(seed), cases: Number(cases), first: Number(first) }
  } catch (error) {
    return messageOf(error)
  }
}

/** Some cases on servers of their own. */
async function sendLeg(plan: Plan, tally: Tally): Promise<void> {
  const clock = new HandClock()
  const { servers, callers } = await startServers(clock)
  try {
    const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'))
    const material = { seed: plan.seed, schema, samples: await samplesOf(servers), callers }
    await new Leg(tally, clock, { servers, material }).send(plan)
  } finally {
    await Promise.all(Object.values(servers).map((server) => server.close({ isAtOnce: true })))
  }
}

async function run({ seed, first, cases }: Plan): Promise<boolean> {
  const tally = new Tally()
  const startedAtMs = performance.now()
  const end = first + cases
  for (let from = first; from < end && tally.failedCount < MAX_TOLD; ) {
    const next = Math.min(end, from - (from % CASES_A_LEG) + CASES_A_LEG)
    await sendLeg({ seed, first: from, cases: next - from }, tally)
    from = next
    console.log(
      `${from - first} cases after ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s, ${tally.failedCount} with differences`,
    )
  }
  const isTaken = tally.isTaken || cases < FEW
  console.log(`seed ${seed}, cases: ${tally.kinds}`)
  console.log(`answers of the reference: ${tally.outcomes}`)
  console.log(`executions: ${tally.ways}`)
  console.log(
    `${tally.failedCount === 0 ? 'no difference' : `${tally.failedCount} cases with differences`}${isTaken ? '' : '; a way was not taken'}`,
  )
  return tally.failedCount === 0 && isTaken
}

async function main(): Promise<number> {
  const plan = readPlan()
  if (typeof plan === 'string') return fail(plan, EXIT_USAGE)
  console.log(`seed ${plan.seed}`)
  const remove = await setup()
  try {
    return (await run(plan)) ? 0 : 1
  } finally {
    await remove()
  }
}

process.exitCode = await main().catch((error: unknown) => fail(error instanceof Error ? String(error.stack) : messageOf(error), 1))
