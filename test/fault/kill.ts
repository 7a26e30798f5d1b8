import { parseArgs } from 'node:util'
import type { DatabaseEngine } from '../../src/core/database/database.js'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { builtServer, type Program } from '../testkit/server-process.js'
import { type EngineResult, EngineRun } from './engine-run.js'
import { makePlace } from './place.js'
import { fail, isCount, messageOf, presentEngines, readEngines } from './plan.js'

/**
 * `npm run fault:kill -- --rounds 50 --engine both --clients 8`: clients write over HTTP while the built server is killed
 * (SIGKILL) in the middle of it, round after round on the same data. After each kill everything that was acknowledged must
 * be there. Exits with 1 when something is not, 64 when the command line cannot be understood.
 */
const EXIT_INTERRUPTED = 130
/** Nothing that is well takes as long as this; milliseconds. */
const LIMIT_MS = { start: 120_000, round: 30_000 }
const MAX_SHOWN = 20

interface Plan {
  readonly engines: readonly DatabaseEngine[]
  readonly rounds: number
  readonly clients: number
}

async function main(): Promise<number> {
  const plan = readPlan()
  if (typeof plan === 'string') return fail(plan, EXIT_USAGE)
  const program = builtServer()
  if (!program) return fail('there is no dist/main.js: run `npm run build` first', 1)
  const engines = await presentEngines(plan.engines)
  let isWell = engines.length > 0
  for (const engine of engines) {
    const result = await runEngine(engine, program, plan)
    if (result === 'interrupted') return EXIT_INTERRUPTED
    isWell &&= report(engine, result)
  }
  return isWell ? 0 : 1
}

function readPlan(): Plan | string {
  try {
    const options = {
      rounds: { type: 'string', default: '50' },
      engine: { type: 'string', default: 'both' },
      clients: { type: 'string', default: '8' },
    } as const
    const { values } = parseArgs({ options })
    const engines = readEngines(values.engine)
    if (typeof engines === 'string') return engines
    if (![values.rounds, values.clients].every(isCount)) return '--rounds and --clients must be whole numbers from 1 to 9999'
    return { engines, rounds: Number(values.rounds), clients: Number(values.clients) }
  } catch (error) {
    return messageOf(error)
  }
}

/** Runs one engine's rounds, and leaves nothing behind, however they end. */
async function runEngine(engine: DatabaseEngine, program: Program, { rounds, clients }: Plan): Promise<EngineResult | 'interrupted'> {
  const alarm = new Alarm(LIMIT_MS.start + rounds * LIMIT_MS.round)
  const place = await makePlace(engine)
  const run = new EngineRun({ place, program, rounds, clients, print: (line) => console.log(line) })
  try {
    const running = run.run().then(() => 'done' as const)
    // When the alarm is first, the rest of the run fails for want of a server: nobody listens any more.
    running.catch(() => undefined)
    const end = await Promise.race([running, alarm.raised])
    if (end === 'interrupted') return end
    const violations = end === 'done' ? [] : [`the run did not end in time, after ${rounds} rounds' worth of it`]
    return { ...run.result, violations: [...run.result.violations, ...violations] }
  } catch (error) {
    return { ...run.result, violations: [...run.result.violations, `the run could not go on: ${messageOf(error)}`] }
  } finally {
    alarm.off()
    await run.end()
    await place.remove()
  }
}

/** Tells when it is time to give up: somebody wants it, or it takes too long. */
class Alarm {
  readonly raised: Promise<'interrupted' | 'late'>
  readonly #timer: NodeJS.Timeout
  readonly #raise: () => void

  constructor(limitMs: number) {
    const { promise, resolve } = withResolvers<'interrupted' | 'late'>()
    this.raised = promise
    this.#raise = () => resolve('interrupted')
    this.#timer = setTimeout(() => resolve('late'), limitMs)
    process.on('SIGINT', this.#raise).on('SIGTERM', this.#raise)
  }

  off(): void {
    clearTimeout(this.#timer)
    process.off('SIGINT', this.#raise).off('SIGTERM', this.#raise)
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((accept) => {
    resolve = accept
  })
  return { promise, resolve }
}

/** Prints the summary of one engine; whether nothing was wrong. */
function report(engine: DatabaseEngine, result: EngineResult): boolean {
  const { chain, violations, startUpsMs } = result
  const sorted = startUpsMs.toSorted((a, b) => a - b).map(Math.round)
  const verdict = !chain
    ? 'not walked'
    : chain.isIntact
      ? `intact over ${chain.checkedRevisions} revisions`
      : `broken at revision ${chain.firstBrokenRevision}`
  const startUps = `start-up p50 ${sorted[Math.floor((sorted.length - 1) / 2)]} ms, max ${sorted.at(-1)} ms`
  console.log(
    `${engine}: ${result.rounds} rounds, ${result.acknowledged} acknowledged writes, ${result.unanswered} unanswered (${result.landed} landed), ` +
      `lost ${result.lost}, gaps ${result.gaps}, chain ${verdict}, ${startUps}`,
  )
  for (const violation of violations.slice(0, MAX_SHOWN)) console.error(`  ${violation}`)
  if (violations.length > MAX_SHOWN) console.error(`  and ${violations.length - MAX_SHOWN} more`)
  return violations.length === 0
}

process.exit(await main())
