import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseEngine } from '../../src/core/database/database.js'
import { newId } from '../../src/core/platform/ids.js'
import { isSameJson } from '../../src/core/values/json.js'
import { askOverHttp, launchServer, type Program, type StartingServer } from '../testkit/server-process.js'
import { makePlace, type Place } from './place.js'
import { messageOf, runOnEngines } from './plan.js'

/**
 * `npm run fault:guard -- --rounds 50 --engine both`: the built server is killed (SIGKILL) while it proves a guarded operation,
 * after the commit and before the verdict. Without anybody's help the operation must end held (in odd rounds its smoke test
 * passes) or put back (in even ones it fails): by another replica on PostgreSQL, after a restart on the embedded database; and
 * every replica must tell the same of it. Exits with 1 when one does not, 64 when the command line cannot be understood.
 */
/** A lease, a look at it, and a probe on a busy machine; milliseconds. */
const SETTLED_WITHIN_MS = 10_000 + 1_000 + 10_000
/** How long after its commit the process is killed at most, in milliseconds; a probe takes longer than that. */
const KILL_AFTER_MS = 40
/** Tries of a round until the process is killed between commit and verdict. */
const MAX_TRIES = 20
/** Nothing that is well takes as long for a commit; milliseconds. */
const COMMITTED_WITHIN_MS = 30_000

const OPERATION = `mutation ($input: RunAdminOperationInput!) { runAdminOperation(input: $input) {
  plan { step targetType targetId action } revision wasReverted smokeTestRun { id isOk startedAt results { name status } }
  changes { id } userErrors { code message }
} }`
const CHECK = `mutation { setSmokeCheck(input: {
  name: "door-is-open", kind: GRAPHQL, query: "{ isFeatureEnabled(key: \\"door\\") }", expectBody: { data: { isFeatureEnabled: true } }
}) { userErrors { message } } }`
const DOOR = 'mutation { setFeatureFlag(input: { key: "door", isEnabled: true }) { userErrors { message } } }'
const STATE = '{ door: featureFlag(key: "door") { isEnabled mark: description } systemStatus { revision } }'
const LOG = `query ($since: Int!) { changes(first: 100, filter: { targetType: "GuardedOperation", sinceRevision: $since }) {
  nodes { revision after }
} }`

interface Door {
  readonly isEnabled: boolean
  readonly mark: string | null
}

/** A guarded operation whose process was killed. */
interface CutOff {
  readonly input: object
  readonly mark: string
  readonly revision: number
  /** The door before. */
  readonly before: Door
}

class GuardRun {
  readonly violations: string[] = []
  readonly ends: Record<string, number> = { HELD: 0, REVERTED: 0 }
  longestMs = 0
  #servers: StartingServer[] = []

  constructor(
    readonly place: Place,
    readonly program: Program,
  ) {}

  /** Makes the check that an operation can break. */
  async prepare(): Promise<void> {
    const url = await this.#start()
    for (const query of [DOOR, CHECK]) await this.#ask(url, query)
    await this.#stopAll()
  }

  async round(number: number): Promise<void> {
    const isToHold = number % 2 === 1
    const isShared = this.place.engine === 'postgresql'
    let witness = isShared ? await this.#start() : undefined
    const cutOff = await this.#cutOff(isToHold)
    witness ??= await this.#start()
    const startedAtMs = performance.now()
    const status = await this.#settledAs(witness, cutOff, startedAtMs)
    const tookMs = Math.round(performance.now() - startedAtMs)
    this.longestMs = Math.max(this.longestMs, tookMs)
    this.ends[status] = (this.ends[status] ?? 0) + 1
    if (status !== (isToHold ? 'HELD' : 'REVERTED')) this.violations.push(`revision ${cutOff.revision} ended ${status}, toHold ${isToHold}`)
    const replicas = isShared ? [witness, await this.#start()] : [witness]
    await this.#lookAtAnswers(replicas, cutOff, isToHold)
    await this.#stopAll()
    await this.#lookAtLog(cutOff)
    const verdict = this.violations.length === 0 ? 'ok' : `${this.violations.length} VIOLATIONS`
    console.log(`${this.place.engine} ${number}: revision ${cutOff.revision} ended ${status} after ${tookMs} ms: ${verdict}`)
  }

  async end(): Promise<void> {
    for (const server of this.#servers) await server.kill()
    await this.place.remove()
  }

  async #start(): Promise<string> {
    const server = launchServer(this.program, this.place.settings)
    this.#servers.push(server)
    return (await server.ready).url
  }

  async #stopAll(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      const code = await server.stop()
      if (code !== 0) this.violations.push(`a server did not stop in order, but with ${code}: ${server.output().slice(-500)}`)
    }
  }

  async #ask<T>(url: string, query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const { data, errors } = await askOverHttp(url, { key: this.place.adminKey, query, variables })
    if (errors || !data) throw new Error(`an answer was ${JSON.stringify(errors)}`)
    return data as unknown as T
  }

  /** Kills a process between the commit of a guarded operation and its verdict. */
  async #cutOff(isToHold: boolean): Promise<CutOff> {
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
      const url = await this.#start()
      const victim = this.#servers.pop() as StartingServer
      const { door: before, systemStatus } = await this.#ask<{ door: Door; systemStatus: { revision: number } }>(url, STATE)
      const mark = newId()
      const fields = isToHold ? { description: mark } : { description: mark, isEnabled: false }
      const input = { steps: [{ setFeatureFlag: { key: 'door', ...fields } }], guardWithSmokeTest: true, idempotencyKey: mark }
      const answer = this.#ask(url, OPERATION, { input }).then(
        () => true,
        () => false,
      )
      const revision = await this.#committed(url, systemStatus.revision)
      await sleep(Math.random() * KILL_AFTER_MS)
      await victim.kill()
      // Where it has answered all the same, the verdict was first.
      if (!(await answer)) return { input, mark, revision, before }
    }
    throw new Error(`no process was killed in time in ${MAX_TRIES} tries`)
  }

  /** The revision that the operation was committed as. */
  async #committed(url: string, since: number): Promise<number> {
    const startedAtMs = performance.now()
    while (performance.now() - startedAtMs < COMMITTED_WITHIN_MS) {
      const [first] = await this.#noted(url, since)
      if (first) return first.revision
    }
    throw new Error(`the operation was not committed within ${COMMITTED_WITHIN_MS} ms`)
  }

  /** What was noted of guarded operations after a revision, oldest first. */
  async #noted(url: string, since: number): Promise<{ revision: number; after: { status: string; revision: number } }[]> {
    type Log = { changes: { nodes: { revision: number; after: { status: string; revision: number } }[] } }
    return (await this.#ask<Log>(url, LOG, { since })).changes.nodes.reverse()
  }

  async #settledAs(url: string, { revision }: CutOff, startedAtMs: number): Promise<string> {
    while (performance.now() - startedAtMs < SETTLED_WITHIN_MS) {
      const news = (await this.#noted(url, revision - 1)).filter(({ after }) => after.revision === revision)
      const status = news.at(-1)?.after.status ?? 'PROVING'
      if (status !== 'PROVING') return status
      await sleep(20)
    }
    return 'PROVING'
  }

  /** Every replica tells the same, and the door is as they say. */
  async #lookAtAnswers(replicas: readonly string[], { input, mark, revision, before }: CutOff, isToHold: boolean): Promise<void> {
    type Answer = { runAdminOperation: { revision: number; wasReverted: boolean; smokeTestRun: { isOk: boolean }; userErrors: unknown[] } }
    const answers: Answer[] = []
    for (const url of replicas) answers.push(await this.#ask<Answer>(url, OPERATION, { input }))
    for (const { runAdminOperation: answer } of answers) {
      const isRight = answer.revision === revision && answer.wasReverted !== isToHold && answer.smokeTestRun.isOk === isToHold
      if (!isRight || answer.userErrors.length > 0) this.violations.push(`the same key gave ${JSON.stringify(answer)}`)
      if (!isSameJson(answer as never, answers[0]?.runAdminOperation as never)) this.violations.push('two replicas answer differently')
    }
    const expected = isToHold ? { isEnabled: before.isEnabled, mark } : before
    for (const url of replicas) {
      const { door } = await this.#ask<{ door: Door }>(url, STATE)
      if (!isSameJson(door as never, expected as never))
        this.violations.push(`the door is ${JSON.stringify(door)}, not ${JSON.stringify(expected)}`)
    }
  }

  async #lookAtLog({ revision }: CutOff): Promise<void> {
    const { log, chain, stored, replayed } = await this.place.inspect()
    if (!chain.isIntact) this.violations.push(`the chain is broken at revision ${chain.firstBrokenRevision}`)
    if (!isSameJson([...stored] as never, [...replayed] as never)) this.violations.push('the log leads to other objects than those stored')
    const verdicts = log.filter(({ after, targetType }) => targetType === 'GuardedOperation' && after?.['revision'] === revision)
    const settled = verdicts.filter(({ after }) => after?.['status'] !== 'PROVING')
    if (settled.length !== 1) this.violations.push(`revision ${revision} was settled ${settled.length} times`)
  }
}

async function runEngine(engine: DatabaseEngine, program: Program, rounds: number): Promise<boolean> {
  const run = new GuardRun(await makePlace(engine), program)
  try {
    await run.prepare()
    for (let round = 1; round <= rounds && run.violations.length === 0; round += 1) await run.round(round)
  } catch (error) {
    run.violations.push(`the run could not go on: ${messageOf(error)}`)
  } finally {
    await run.end()
  }
  const { HELD: held = 0, REVERTED: reverted = 0, ...rest } = run.ends
  const others = Object.values(rest).reduce((sum, count) => sum + count, 0)
  console.log(
    `${engine}: ${rounds} rounds, ${held} held, ${reverted} reverted, ${others} others, longest time until settled ${run.longestMs} ms, ${run.violations.length} violations`,
  )
  for (const violation of run.violations.slice(0, 20)) console.error(`  ${violation}`)
  return run.violations.length === 0
}

process.exit(await runOnEngines(runEngine))
