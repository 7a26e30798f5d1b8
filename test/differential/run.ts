import 'reflect-metadata'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildSchema } from 'graphql'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { fail, messageOf } from '../fault/plan.js'
import { HandClock } from '../testkit/hand-clock.js'
import { setup } from '../testkit/run-folder.js'
import type { GraphQLAnswer } from '../testkit/server.js'
import { burst } from './burst.js'
import { type Case, caseOf, type Material } from './cases.js'
import { type DocumentKind, INCOMPARABLE } from './documents.js'
import { Lockstep } from './lockstep.js'
import { expect } from './oracle.js'
import { type Caller, changeClient, mend, runBackground, type Servers, startServers } from './servers.js'

/**
 * `npm run differential -- --cases 20000 --seed 7`: documents, variables, keys and changes that are drawn from the seed go to three
 * servers in step: plain Apollo with graphql-js, the short way with plans, and WebSockets. Exits with 1 when answers differ or
 * are none that the policies allow, or a way was not taken; 64 when the command line cannot be understood. `--first N --cases 1` sends one
 * case alone, to servers that have seen none before it.
 */
interface Plan {
  readonly seed: number
  readonly first: number
  readonly cases: number
}

/** After so many cases whatever refuses callers is taken away, so that there is something to compare. */
const MEND_EVERY = 25
/** Cases with differences after which it ends. */
const MAX_TOLD = 5

class Run {
  readonly #plan: Plan
  readonly #clock: HandClock
  readonly #servers: Servers
  readonly #material: Material
  readonly #steps: Lockstep
  readonly #kinds = new Map<string, number>()
  readonly #outcomes = new Map<string, number>()
  #failedCount = 0

  constructor(plan: Plan, clock: HandClock, { servers, material }: { readonly servers: Servers; readonly material: Material }) {
    this.#plan = plan
    this.#clock = clock
    this.#servers = servers
    this.#material = material
    this.#steps = new Lockstep(servers)
  }

  async all(): Promise<boolean> {
    const { first, cases } = this.#plan
    for (const { record, key } of this.#material.callers) this.#steps.seen.note(JSON.stringify([record.id, key]))
    const startedAtMs = performance.now()
    for (let number = first; number < first + cases && this.#failedCount < MAX_TOLD; number += 1) {
      if (number % MEND_EVERY === 0) await mend(this.#servers, this.#material.callers).then(runBackground)
      const made = caseOf(this.#material, number)
      const faults = await this.#one(made, number)
      if (faults.length > 0) this.#tell(made, number, faults)
    }
    await this.#steps.close()
    return this.#sum((performance.now() - startedAtMs) / 1000)
  }

  async #one({ kind, passedMs, request, times, turned }: Case, number: number): Promise<readonly string[]> {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1)
    this.#clock.pass(passedMs)
    // Rollouts may be by chance, and each server would draw another one.
    Math.random = () => (number % 100) / 100
    if (turned) await changeClient(this.#servers, turned.caller, this.#changesFor(turned))
    if (kind === 'burst') {
      await mend(this.#servers, this.#material.callers)
      return burst(this.#servers, this.#material.callers[0] as Caller, number)
    }
    const faults: string[] = []
    for (let time = 0; time < times && faults.length === 0; time += 1) {
      const expectation = expect(this.#servers.reference, { ...request, key: request.key && this.#steps.seen.fill(request.key) })
      const { answer, differences } = await this.#steps.send(request)
      const outcome = outcomeOf(answer.status, answer.body)
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
      faults.push(...differences, ...expectation(answer), ...this.#findUneven())
    }
    return faults
  }

  #changesFor({ caller, to }: NonNullable<Case['turned']>): object {
    if (to === 'expired') return { expiresAt: new Date(this.#clock.wallMs + 1_000) }
    return to === 'renewed' ? { ...caller.record } : { role: to }
  }

  /** Whether one of them has committed what another one has not. */
  #findUneven(): readonly string[] {
    const revisions = Object.values(this.#servers).map(({ services }) => services.ledger.snapshot.revision)
    return new Set(revisions).size === 1 ? [] : [`revisions ${revisions.join(', ')}`]
  }

  #tell({ kind, request }: Case, number: number, faults: readonly string[]): void {
    this.#failedCount += 1
    console.log(
      `\ncase ${number} (${kind}): ${request.method} ${request.path} ${JSON.stringify(request.headers)} ${request.key?.slice(0, 20)}`,
    )
    console.log(`  ${request.body}`)
    for (const fault of faults) console.log(`  * ${fault}`)
  }

  async #sum(seconds: number): Promise<boolean> {
    const { short, socket, reference } = this.#servers
    const kinds = [...this.#kinds]
      .map(([name, count]) => `${name} ${count}`)
      .sort()
      .join(', ')
    const outcomes = [...this.#outcomes]
      .map(([name, count]) => `${name} ${count}`)
      .sort()
      .join(', ')
    await mend(this.#servers, this.#material.callers)
    const { key } = this.#material.callers[0] as Caller
    const ways = { reference: await reference.executions(key), short: await short.executions(key), socket: await socket.executions(key) }
    console.log(`\nseed ${this.#plan.seed}: ${this.#plan.cases} cases in ${seconds.toFixed(0)} s: ${kinds}`)
    console.log(`answers: ${outcomes}`)
    for (const [name, { apollo, short: spared, socket: sockets }] of Object.entries(ways)) {
      console.log(`executions of ${name.padEnd(9)}: apollo ${apollo}, short ${spared}, socket ${sockets}`)
    }
    // A way that was not taken was not compared.
    const isTaken = this.#plan.cases < 100 || (ways.short.short > ways.short.apollo && ways.socket.socket > 0 && ways.reference.short === 0)
    console.log(this.#failedCount === 0 ? 'no difference' : `${this.#failedCount} cases with differences`)
    if (!isTaken) console.log('a way was not taken')
    return this.#failedCount === 0 && isTaken
  }
}

/** The status with the code of the first error. */
function outcomeOf(status: number, body: string): string {
  const [, code = ''] = /"code":"([A-Z_]+)"/.exec(body.slice(0, 5_000)) ?? []
  return body.startsWith('{"errors"') ? `${status} ${code}` : String(status)
}

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
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
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

async function main(): Promise<number> {
  const plan = readPlan()
  if (typeof plan === 'string') return fail(plan, EXIT_USAGE)
  console.log(`seed ${plan.seed}`)
  const remove = await setup()
  const clock = new HandClock()
  const { servers, callers } = await startServers(clock)
  try {
    const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'))
    const material = { seed: plan.seed, schema, samples: await samplesOf(servers), callers }
    return (await new Run(plan, clock, { servers, material }).all()) ? 0 : 1
  } finally {
    await Promise.all(Object.values(servers).map((server) => server.close({ isAtOnce: true })))
    await remove()
  }
}

process.exitCode = await main().catch((error: unknown) => fail(error instanceof Error ? String(error.stack) : messageOf(error), 1))
