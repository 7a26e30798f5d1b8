import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { builtServer, launchServer, type Program } from '../testkit/server-process.js'
import { fail, isCount, messageOf } from './plan.js'

/**
 * `npm run fault:fairness -- --seconds 60 --replicas 2,3 --writers 1,2,8,64`: so many writers at each of so many built servers on one
 * PostgreSQL database, each writing as fast as it is answered, compared with the same number of writers at a server that has the
 * database for itself. Exits with 1 when a bound was broken, 64 when the command line cannot be understood. It means nothing on a
 * machine that has other work to do. `--short` holds only what does not hang on the machine: equal shares, and that nobody is refused.
 */
const SET_FLAG = 'mutation ($i: SetFeatureFlagInput!) { setFeatureFlag(input: $i) { userErrors { message } } }'
/** What several replicas may be worse than one: in all writes, between the shares of two of them, and in the slowest of 100 answers. */
const BOUNDS = { leastThroughput: 0.9, greatestShare: 1.5, greatestP99: 3 }
/** For connections and compilers to become warm; milliseconds. */
const WARM_UP_MS = { long: 8_000, short: 1_000 }

interface Plan {
  readonly seconds: number
  readonly replicas: readonly number[]
  readonly writers: readonly number[]
  readonly isShort: boolean
}

/** What one cell is measured with. */
interface Load extends Pick<Plan, 'seconds' | 'isShort'> {
  readonly writers: number
}

/** What writers at some replicas came to. */
interface Figures {
  readonly perSecond: number
  /** Writes of the busiest replica by those of the idlest. */
  readonly share: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly refusals: number
}

/** Writes at one replica until it is told to end; the times of what was taken, and what was not. */
class Writers {
  readonly times: number[] = []
  refusals = 0
  readonly #pool: Pool
  readonly #headers: Record<string, string>
  #isCounting = false
  #isEnding = false
  readonly #running: Promise<unknown>

  constructor(url: string, key: string, { name, count }: { readonly name: string; readonly count: number }) {
    this.#pool = new Pool(url, { connections: count })
    this.#headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    this.#running = Promise.all(Array.from({ length: count }, (_, index) => this.#write(`${name}-${index}`)))
  }

  count(): void {
    this.#isCounting = true
  }

  async end(): Promise<void> {
    this.#isCounting = false
    this.#isEnding = true
    await this.#running
    await this.#pool.close()
  }

  async #write(key: string): Promise<void> {
    for (let index = 0; !this.#isEnding; index += 1) {
      const startedAtMs = performance.now()
      const body = JSON.stringify({ query: SET_FLAG, variables: { i: { key, isEnabled: index % 2 === 0 } } })
      const answer = await this.#pool.request({ path: '/graphql', method: 'POST', headers: this.#headers, body })
      const isTaken = (await answer.body.text()).includes('"userErrors":[]')
      if (!this.#isCounting) continue
      if (isTaken) this.times.push(performance.now() - startedAtMs)
      else this.refusals += 1
    }
  }
}

async function measure(program: Program, replicas: number, { seconds, writers, isShort }: Load): Promise<Figures> {
  const { url, drop } = await createTestDatabase()
  const key = generateApiKey('live')
  const launch = () =>
    launchServer(program, { DATABASE_URL: url, VALHALLA_ADMIN_KEY: key, NODE_ENV: 'production', VALHALLA_ALLOW_UNKEYED: 'true' })
  const servers = [launch()]
  try {
    // The first one makes the tables.
    await servers[0]?.ready
    for (let index = 1; index < replicas; index += 1) servers.push(launch())
    const urls = await Promise.all(servers.map(async ({ ready }) => (await ready).url))
    const all = urls.map((at, index) => new Writers(at, key, { name: `r${index}`, count: writers }))
    await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS[isShort ? 'short' : 'long']))
    for (const each of all) each.count()
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
    await Promise.all(all.map((each) => each.end()))
    return figuresOf(all, seconds)
  } finally {
    await Promise.all(servers.map((server) => server.kill()))
    await drop()
  }
}

function figuresOf(all: readonly Writers[], seconds: number): Figures {
  const counts = all.map(({ times }) => times.length)
  const times = all.flatMap((each) => each.times).sort((a, b) => a - b)
  const at = (quantile: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * quantile))] ?? Number.POSITIVE_INFINITY
  const refusals = all.reduce((sum, each) => sum + each.refusals, 0)
  return { perSecond: times.length / seconds, share: Math.max(...counts) / Math.min(...counts), p50Ms: at(0.5), p99Ms: at(0.99), refusals }
}

function show(name: string, { perSecond, share, p50Ms, p99Ms, refusals }: Figures): string {
  const numbers = [perSecond.toFixed(0), share.toFixed(2), p50Ms.toFixed(1), p99Ms.toFixed(1), String(refusals)]
  return `${name.padEnd(24)}${numbers.map((number) => number.padStart(10)).join('')}`
}

/** What is unfair. */
function unfairnessOf({ share, refusals }: Figures): string[] {
  const faults = [share > BOUNDS.greatestShare && `shares differ by ${share.toFixed(2)}`, refusals > 0 && `${refusals} refusals`]
  return faults.filter((fault) => fault !== false)
}

/** What of the bounds is broken. */
function faultsOf(many: Figures, one: Figures): string[] {
  const { leastThroughput, greatestP99 } = BOUNDS
  const faults = [
    many.perSecond < leastThroughput * one.perSecond && `${(many.perSecond / one.perSecond).toFixed(2)} of one's writes`,
    many.p99Ms > greatestP99 * one.p99Ms && `${(many.p99Ms / one.p99Ms).toFixed(1)} times one's p99`,
  ]
  return [...faults.filter((fault) => fault !== false), ...unfairnessOf(many)]
}

function readPlan(): Plan | string {
  try {
    const options = {
      seconds: { type: 'string', default: '60' },
      replicas: { type: 'string', default: '2,3' },
      writers: { type: 'string', default: '1,2,8,64' },
      short: { type: 'boolean', default: false },
    } as const
    const { seconds, replicas, writers, short } = parseArgs({ options }).values
    const lists = [replicas, writers].map((list) => list.split(','))
    if (![seconds, ...lists.flat()].every(isCount)) return '--seconds, --replicas and --writers must be whole numbers from 1 to 9999'
    const [counts = [], loads = []] = lists.map((list) => list.map(Number))
    return { seconds: Number(seconds), replicas: counts, writers: loads, isShort: short }
  } catch (error) {
    return messageOf(error)
  }
}

async function main(): Promise<number> {
  const plan = readPlan()
  if (typeof plan === 'string') return fail(plan, EXIT_USAGE)
  const program = builtServer()
  if (!program) return fail('there is no dist/main.js: run `npm run build` first', 1)
  if (!(await usePostgres())) return fail('fairness is measured on PostgreSQL', 1)
  console.log(
    `${'replicas x writers'.padEnd(24)}${['writes/s', 'share', 'p50 ms', 'p99 ms', 'refusals'].map((head) => head.padStart(10)).join('')}`,
  )
  let isWell = true
  for (const writers of plan.writers) {
    const load = { ...plan, writers }
    const one = await measure(program, 1, load)
    console.log(show(`1 x ${writers}`, one))
    for (const replicas of plan.replicas) {
      const many = await measure(program, replicas, load)
      const faults = faultsOf(many, one)
      isWell &&= (plan.isShort ? unfairnessOf(many) : faults).length === 0
      console.log(`${show(`${replicas} x ${writers}`, many)}${faults.length > 0 ? `  BROKEN: ${faults.join('; ')}` : ''}`)
    }
  }
  return isWell ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => fail(messageOf(error), 1))
