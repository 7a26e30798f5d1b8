import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseEngine } from '../../src/core/database/database.js'
import { newId } from '../../src/core/platform/ids.js'
import type { ChangeRecord } from '../../src/core/state/change.js'
import { askOverHttp, launchServer, type Program, type ReadyServer, type StartingServer } from '../testkit/server-process.js'
import { makePlace, type Place } from './place.js'
import { messageOf, runOnEngines } from './plan.js'

/**
 * `npm run fault:atomicity -- --rounds 50 --engine both`: clients run admin operations of six steps over five packs while
 * the built server is killed (SIGKILL). Afterwards each operation must be there whole or not at all: in the log, and in the
 * objects. Exits with 1 when one is not, 64 when the command line cannot be understood.
 */
const KILL_AFTER_MS = { least: 30, most: 300 }
/** Nothing that is well goes on as long as this without one operation that is acknowledged; milliseconds. */
const ACKNOWLEDGED_WITHIN_MS = 30_000
const CLIENTS = 4
const STEPS = 6
const OPERATION = `mutation ($input: RunAdminOperationInput!) { runAdminOperation(input: $input) { revision changes { id } userErrors { message } } }`
const OBJECTS = `{
  a: featureFlag(key: "atomic/a") { mark: description } b: featureFlag(key: "atomic/b") { mark: description }
  c: config(key: "atomic/c") { mark: value } limits: rateLimitRules(filter: { scope: GLOBAL }) { nodes { mark: description } }
  maintenance: maintenanceState { mark: reason } checks: smokeChecks { name mark: path }
}`

/** Six steps over five packs, all with one mark. */
function stepsOf(mark: string): object[] {
  return [
    { setFeatureFlag: { key: 'atomic/a', description: mark } },
    { setFeatureFlag: { key: 'atomic/b', description: mark } },
    { setConfig: { key: 'atomic/c', value: mark } },
    { setRateLimitRule: { scope: 'GLOBAL', isShadow: true, maxRequests: 1_000_000, description: mark } },
    { setMaintenanceMode: { mode: 'NORMAL', reason: mark } },
    { setSmokeCheck: { name: 'atomic', kind: 'HTTP', path: `/${mark}` } },
  ]
}

interface Tally {
  acknowledged: Map<string, number>
  unanswered: number
}

class AtomicityRun {
  readonly violations: string[] = []
  readonly tally: Tally = { acknowledged: new Map(), unanswered: 0 }
  landedOperations = 0
  #server: StartingServer | undefined

  constructor(
    readonly place: Place,
    readonly program: Program,
  ) {}

  async round(number: number): Promise<void> {
    const { url } = await this.#start()
    const stop = new AbortController()
    const writing = Promise.all(Array.from({ length: CLIENTS }, () => this.#write(url, stop.signal)))
    await this.#isUnderWay()
    await sleep(KILL_AFTER_MS.least + Math.random() * (KILL_AFTER_MS.most - KILL_AFTER_MS.least))
    await this.#server?.kill()
    stop.abort()
    await writing
    const again = await this.#start()
    const last = await this.#lookAtObjects(again.url)
    await this.#server?.stop()
    await this.#lookAtLog(last)
    const verdict = this.violations.length === 0 ? 'ok' : `${this.violations.length} VIOLATIONS`
    console.log(
      `${this.place.engine} ${number}: ${this.tally.acknowledged.size} acknowledged, ${this.tally.unanswered} unanswered, ${this.landedOperations} in the log: ${verdict}`,
    )
  }

  async end(): Promise<void> {
    await this.#server?.kill()
    await this.place.remove()
  }

  async #start(): Promise<ReadyServer> {
    this.#server = launchServer(this.program, this.place.settings)
    return this.#server.ready
  }

  /** Waits until an operation was acknowledged. */
  async #isUnderWay(): Promise<void> {
    const before = this.tally.acknowledged.size
    const startedAtMs = performance.now()
    while (this.tally.acknowledged.size === before && this.violations.length === 0) {
      if (performance.now() - startedAtMs > ACKNOWLEDGED_WITHIN_MS)
        this.violations.push(`no operation was acknowledged within ${ACKNOWLEDGED_WITHIN_MS} ms`)
      await sleep(2)
    }
  }

  async #write(url: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const mark = newId()
      try {
        const { data, errors } = await askOverHttp(url, {
          key: this.place.adminKey,
          query: OPERATION,
          variables: { input: { steps: stepsOf(mark) } },
          requestId: mark,
        })
        const answer = (data as unknown as { runAdminOperation: { revision: number; changes: unknown[]; userErrors: unknown[] } } | null)
          ?.runAdminOperation
        if (!answer || errors) {
          const isExpected = !!errors && errors.every(({ extensions }) => extensions?.['code'] === 'UNAVAILABLE')
          if (!isExpected) this.violations.push(`an operation was answered with ${JSON.stringify(errors)}`)
          if (!isExpected) return
          this.tally.unanswered += 1
          continue
        }
        if (answer.userErrors.length > 0 || answer.changes.length !== STEPS)
          this.violations.push(`an operation was answered with ${JSON.stringify(answer)}`)
        this.tally.acknowledged.set(mark, answer.revision)
      } catch {
        this.tally.unanswered += 1
        return
      }
    }
  }

  /** All six objects bear the mark of one and the same operation; returns it. */
  async #lookAtObjects(url: string): Promise<string> {
    const { data } = await askOverHttp(url, { key: this.place.adminKey, query: OBJECTS })
    const { a, b, c, limits, maintenance, checks } = data as unknown as Record<'a' | 'b' | 'c' | 'maintenance', { mark: string }> & {
      limits: { nodes: { mark: string }[] }
      checks: { name: string; mark: string }[]
    }
    const check = checks.find(({ name }) => name === 'atomic')?.mark.slice(1)
    const marks = [a.mark, b.mark, c.mark, limits.nodes[0]?.mark, maintenance.mark, check]
    if (new Set(marks).size !== 1) this.violations.push(`the objects are of different operations: ${marks.join(', ')}`)
    return String(marks[0])
  }

  async #lookAtLog(last: string): Promise<void> {
    const { log, chain } = await this.place.inspect()
    if (!chain.isIntact) this.violations.push(`the chain is broken at revision ${chain.firstBrokenRevision}`)
    const operations = new Map<string, ChangeRecord[]>()
    for (const change of log.filter(({ operation }) => operation === 'runAdminOperation')) {
      operations.set(change.correlationId, [...(operations.get(change.correlationId) ?? []), change])
    }
    this.landedOperations = operations.size
    for (const [mark, changes] of operations) {
      const isWhole = changes.length === STEPS && new Set(changes.map(({ revision }) => revision)).size === 1
      if (!isWhole) this.violations.push(`operation ${mark} has ${changes.length} changes`)
    }
    for (const [mark, revision] of this.tally.acknowledged) {
      if (operations.get(mark)?.[0]?.revision !== revision)
        this.violations.push(`operation ${mark} was acknowledged at revision ${revision} and is not there`)
    }
    const newest = [...operations.values()].at(-1)?.[0]?.correlationId
    if (newest !== last) this.violations.push(`the objects are of operation ${last}, the log ends with ${newest}`)
  }
}

async function runEngine(engine: DatabaseEngine, program: Program, rounds: number): Promise<boolean> {
  const run = new AtomicityRun(await makePlace(engine), program)
  try {
    for (let round = 1; round <= rounds && run.violations.length === 0; round += 1) await run.round(round)
  } catch (error) {
    run.violations.push(`the run could not go on: ${messageOf(error)}`)
  } finally {
    await run.end()
  }
  console.log(
    `${engine}: ${rounds} rounds, ${run.landedOperations} operations of ${STEPS} steps in the log, ${run.tally.acknowledged.size} acknowledged, ${run.tally.unanswered} unanswered, ${run.violations.length} violations`,
  )
  for (const violation of run.violations.slice(0, 20)) console.error(`  ${violation}`)
  return run.violations.length === 0
}

process.exit(await runOnEngines(runEngine))
