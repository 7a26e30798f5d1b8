import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Child, startChild } from '../../bench/child.js'
import { percentileOf } from '../../bench/statistics.js'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { askOverHttp, builtServer, launchServer } from '../testkit/server-process.js'
import type { CrowdJob, CrowdResult } from './crowd-process.js'
import { fail, isCount, messageOf } from './plan.js'

/**
 * `npm run fault:overload -- --seconds 10`: asks a built server on PostgreSQL for rows over 30, 100 and 1,000 connections, and
 * measures what is answered, what is shed, how long probes and an admin's switch take meanwhile, and what memory is left with.
 * `--program <path>` measures another build, `--neighbour` keeps every processor busy with something else, `--short` shows only
 * that it works. Exits with 1 when a promise was broken, 64 when the command line cannot be understood.
 */
const ROWS = '{ changes(first: 20) { nodes { id operation before after } } }'
const SET_FLAG = 'mutation ($k: Key!) { setFeatureFlag(input: { key: $k }) { revision userErrors { message } } }'
const SWITCH = 'mutation { setMaintenanceMode(input: { mode: NORMAL }) { revision userErrors { message } } }'
const CROWDS = [30, 100, 1_000] as const
const FLAGS = 40
const PROBE_EVERY_MS = 25
/** Memory may be kept for a while that was needed once; MiB. */
const KEPT_MIB = 80
const SETTLE_MS = 3_000
/** What is busy with something else, for as long as this process runs. */
const NEIGHBOUR = `while (process.ppid === ${process.pid});`

interface Plan {
  readonly seconds: number
  readonly program: readonly string[]
  readonly isShort: boolean
  readonly neighbours: number
}

/** What one crowd came to; times in milliseconds. */
interface Round {
  readonly connections: number
  readonly perSecond: number
  readonly answered: number
  readonly refused: number
  readonly shed: number
  readonly probe: number
  readonly action: number
  readonly failures: string
}

interface Server {
  readonly url: string
  readonly pid: number
  readonly adminKey: string
}

/** Asks again and again until it is told to stop; the times that it took, in milliseconds. */
function repeat(ask: () => Promise<unknown>): () => Promise<number[]> {
  const times: number[] = []
  let isOver = false
  const running = (async () => {
    while (!isOver) {
      const startedAtMs = performance.now()
      await ask()
      times.push(performance.now() - startedAtMs)
      await new Promise((wait) => setTimeout(wait, PROBE_EVERY_MS))
    }
  })()
  return async () => {
    isOver = true
    await running
    return times
  }
}

async function measure(
  crowd: Child<CrowdJob, CrowdResult>,
  { url, adminKey }: Server,
  job: Omit<CrowdJob, 'port' | 'apiKey'>,
): Promise<Round> {
  const probe = repeat(async () => (await fetch(`${url}/livez`)).text())
  const action = repeat(async () => {
    const { errors } = await askOverHttp(url, { key: adminKey, query: SWITCH })
    if (errors) throw new Error(`the switch was refused: ${JSON.stringify(errors)}`)
  })
  const { answeredMs, refusedMs, failures } = await crowd.ask({ ...job, port: Number(new URL(url).port), apiKey: adminKey })
  const [probesMs, actionsMs] = await Promise.all([probe(), action()])
  return {
    connections: job.connections,
    perSecond: answeredMs.length / job.seconds,
    answered: answeredMs.length === 0 ? Number.NaN : percentileOf([...answeredMs], 99),
    refused: refusedMs.length === 0 ? 0 : percentileOf([...refusedMs], 99),
    shed: refusedMs.length,
    probe: Math.max(...probesMs),
    action: Math.max(...actionsMs),
    failures: Object.keys(failures).length === 0 ? '' : JSON.stringify(failures),
  }
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

/** What was promised and is not so. */
function brokenPromises(rounds: readonly Round[], grownMib: number): string[] {
  const most = rounds.at(-1) as Round
  const best = Math.max(...rounds.map(({ perSecond }) => perSecond))
  const checks: readonly [boolean, string][] = [
    [most.perSecond >= 0.9 * best, `goodput is ${((100 * most.perSecond) / best).toFixed(0)} % of the best, and not 90`],
    [most.answered < 1_000, 'answers take longer than a second'],
    [most.refused < 50, 'refusals take longer than 50 ms'],
    [most.probe < 250, 'a probe took longer than 250 ms'],
    [most.action < 250, "an admin's switch took longer than 250 ms"],
    [most.failures === '', `there were failures: ${most.failures}`],
    [grownMib < KEPT_MIB, `memory has grown by ${grownMib.toFixed(0)} MiB`],
  ]
  return checks.filter(([isSo]) => !isSo).map(([, text]) => text)
}

function show({ connections, perSecond, answered, refused, shed, probe, action, failures }: Round): void {
  const ms = (time: number): string => `${time.toFixed(0)} ms`
  const parts = [`${perSecond.toFixed(0)} answers/s`, `p99 ${ms(answered)}`, `${shed} shed, p99 ${ms(refused)}`]
  console.log([`${connections} connections`, ...parts, `longest probe ${ms(probe)}`, `longest switch ${ms(action)}`, failures].join(', '))
}

async function run({ seconds, program, isShort }: Plan): Promise<number> {
  const adminKey = generateApiKey('live')
  const { url: databaseUrl, drop } = await createTestDatabase()
  const starting = launchServer(program, { NODE_ENV: 'production', DATABASE_URL: databaseUrl, VALHALLA_ADMIN_KEY: adminKey, ...KEYS })
  const crowd = startChild<CrowdJob, CrowdResult>('../test/fault/crowd-process.js')
  try {
    const server: Server = { url: (await starting.ready).url, pid: starting.pid, adminKey }
    for (let index = 0; index < FLAGS; index += 1)
      await askOverHttp(server.url, { key: adminKey, query: SET_FLAG, variables: { k: `f${index}` } })
    const usual = () => measure(crowd, server, { query: ROWS, connections: CROWDS[0], seconds: Math.min(seconds, 3) })
    await usual()
    const beforeMib = await residentMib(server.pid)
    const rounds: Round[] = []
    for (const connections of CROWDS) {
      const round = await measure(crowd, server, { query: ROWS, connections, seconds })
      rounds.push(round)
      show(round)
    }
    await new Promise((wait) => setTimeout(wait, SETTLE_MS))
    // As before: what garbage is left of the crowd goes once somebody asks again.
    await usual()
    const afterMib = await residentMib(server.pid)
    console.log(`memory: ${beforeMib.toFixed(0)} MiB before, ${afterMib.toFixed(0)} MiB after`)
    const broken = brokenPromises(rounds, afterMib - beforeMib)
    for (const text of broken) console.log(`BROKEN: ${text}`)
    return broken.length === 0 || (isShort && rounds.every(({ failures, perSecond }) => failures === '' && perSecond > 0)) ? 0 : 1
  } finally {
    await crowd.stop()
    await starting.kill()
    await drop()
  }
}

/** What a production start needs. */
const KEYS = { VALHALLA_KEY_PEPPER: 'pepper of the overload run', VALHALLA_AUDIT_KEY: 'audit key of the overload run' }

function readPlan(): Plan | string {
  try {
    const options = {
      seconds: { type: 'string', default: '10' },
      program: { type: 'string' },
      neighbour: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
    } as const
    const { values } = parseArgs({ options })
    if (!isCount(values.seconds)) return '--seconds must be a whole number from 1 to 9999'
    const program = values.program === undefined ? builtServer() : [resolve(values.program)]
    if (!program) return 'there is no dist/main.js: run `npm run build` first'
    return { seconds: Number(values.seconds), program, isShort: values.short, neighbours: values.neighbour ? 2 : 0 }
  } catch (error) {
    return messageOf(error)
  }
}

async function main(): Promise<number> {
  const plan = readPlan()
  if (typeof plan === 'string') return fail(plan, EXIT_USAGE)
  if (!(await usePostgres())) return fail('overload is measured on PostgreSQL', 1)
  const busy: ChildProcess[] = Array.from({ length: plan.neighbours }, () => spawn(process.execPath, ['-e', NEIGHBOUR]))
  try {
    return await run(plan)
  } finally {
    for (const neighbour of busy) neighbour.kill('SIGKILL')
  }
}

process.exitCode = await main().catch((error: unknown) => fail(messageOf(error), 1))
