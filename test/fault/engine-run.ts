import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../../src/core/values/json.js'
import { launchServer, type Program, type ReadyServer, type StartingServer } from '../testkit/server-process.js'
import { type Attempt, auditWrites, compareStates, lastOfEach } from '../testkit/write-audit.js'
import { observe, readHead } from './observe.js'
import type { Inspection, Place } from './place.js'
import { counterKey, createCounter, runClients, type Target } from './workload.js'

const KILL_AFTER_MS = { least: 50, most: 400 }
/** Every so many rounds the server is killed a second time, while it starts. */
const KILL_STARTING_EVERY = 5

/** What one engine's rounds came to. */
export interface EngineResult {
  readonly rounds: number
  readonly acknowledged: number
  readonly unanswered: number
  readonly landed: number
  readonly lost: number
  readonly gaps: number
  /** What the last walk over the whole chain said; undefined when there was none. */
  readonly chain: Inspection['chain'] | undefined
  /** Start-ups after a kill, in milliseconds. */
  readonly startUpsMs: readonly number[]
  readonly violations: readonly string[]
}

/** How an engine's rounds are run. */
export interface EngineRunOptions {
  readonly place: Place
  readonly program: Program
  readonly rounds: number
  readonly clients: number
  print(line: string): void
}

/** Rounds of writing, killing, starting again and looking what is there, all on one place. */
export class EngineRun {
  readonly #options: EngineRunOptions
  readonly #attempts: Attempt[] = []
  readonly #violations: string[] = []
  readonly #startUpsMs: number[] = []
  #server: StartingServer | undefined
  #isOver = false
  #rounds = 0
  #landed = 0
  #lost = 0
  #gaps = 0
  #chain: Inspection['chain'] | undefined
  /** Where the log stood before anybody wrote. */
  #base: number | undefined
  /** What the clients of the last server saw. */
  #seen: { readonly head: number; readonly objects: ReadonlyMap<string, JsonObject | null> } | undefined
  /** Where the log ended when it was last looked at. */
  #storedHead: Inspection['head'] | undefined

  constructor(options: EngineRunOptions) {
    this.#options = options
  }

  /** Runs until all rounds are done or one has found something. */
  async run(): Promise<void> {
    const { rounds } = this.#options
    while (this.#rounds < rounds && this.#violations.length === 0) await this.#round()
  }

  /** Kills what runs, and starts nothing any more. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#server?.kill()
  }

  get result(): EngineResult {
    const count = (kind: Attempt['outcome']['kind']): number => this.#attempts.filter(({ outcome }) => outcome.kind === kind).length
    return {
      rounds: this.#rounds,
      acknowledged: count('acknowledged'),
      unanswered: count('unanswered'),
      landed: this.#landed,
      lost: this.#lost,
      gaps: this.#gaps,
      chain: this.#chain,
      startUpsMs: this.#startUpsMs,
      violations: this.#violations,
    }
  }

  async #round(): Promise<void> {
    const round = `r${this.#rounds + 1}`
    const first = await this.#start()
    const target = this.#target(first)
    const since = await readHead(target)
    this.#base ??= since
    const { attempts, killedAfterMs } = await this.#writeAndKill(target, round)
    this.#attempts.push(...attempts)

    const isKilledTwice = (this.#rounds + 1) % KILL_STARTING_EVERY === 0
    if (isKilledTwice) await this.#killStarting(first.startUpMs)
    const second = await this.#start()
    this.#startUpsMs.push(second.startUpMs)
    const landed = await this.#checkAnswers(this.#target(second), { since, round, attempts })
    const code = await this.#server?.stop()
    if (code !== 0) this.#violations.push(`the server did not stop in order, but with ${code}: ${this.#server?.output().slice(-500)}`)
    await this.#checkStored()

    this.#rounds += 1
    const counts = countOutcomes(attempts)
    const { engine } = this.#options.place
    const verdict = this.#violations.length === 0 ? 'ok' : `${this.#violations.length} VIOLATIONS`
    const kills = `killed after ${killedAfterMs} ms${isKilledTwice ? ' and while starting' : ''}`
    this.#options.print(
      `${engine} ${this.#rounds}/${this.#options.rounds}: ${kills}, acknowledged ${counts.acknowledged}, refused ${counts.refused}, ` +
        `unanswered ${counts.unanswered} (${landed} landed), revision ${this.#seen?.head}, start-up ${Math.round(second.startUpMs)} ms: ${verdict}`,
    )
  }

  async #writeAndKill(target: Target, round: string): Promise<{ attempts: Attempt[]; killedAfterMs: number }> {
    const counter = await createCounter(target, round)
    if (counter.outcome.kind !== 'acknowledged')
      this.#violations.push(`the round's counter was not made: ${JSON.stringify(counter.outcome)}`)
    const stop = new AbortController()
    const { least, most } = KILL_AFTER_MS
    const killedAfterMs = Math.round(least + Math.random() * (most - least))
    // On a busy machine the first answers take long: the time is counted from when writes are under way.
    let begin = (): void => undefined
    const isUnderWay = new Promise<void>((resolve) => {
      begin = resolve
    })
    const writing = runClients({ ...target, round, clients: this.#options.clients, signal: stop.signal, onAcknowledged: begin })
    await Promise.race([isUnderWay, writing])
    await sleep(killedAfterMs)
    await this.#server?.kill()
    stop.abort()
    const { attempts, violations } = await writing
    this.#violations.push(...violations)
    return { attempts: [counter, ...attempts], killedAfterMs }
  }

  /** Recovery must bear being interrupted. */
  async #killStarting(usualMs: number): Promise<void> {
    const starting = this.#launch()
    await sleep(Math.random() * usualMs)
    await starting.kill()
  }

  /** What the clients of the new server see; returns how many unanswered writes have landed. */
  async #checkAnswers(target: Target, of: { since: number; round: string; attempts: readonly Attempt[] }): Promise<number> {
    const { head, changes, objects } = await observe(target, of.since)
    const report = auditWrites(of.attempts, changes, { since: of.since, head })
    const expected = lastOfEach(changes, this.#seen?.objects)
    this.#violations.push(...report.violations, ...compareStates(expected, objects), ...this.#checkCounter(of, objects))
    this.#lost += report.lost
    this.#gaps += report.gaps
    this.#landed += report.landed
    this.#seen = { head, objects: expected }
    return report.landed
  }

  /** No acknowledged increment may be missing, and none may be there that nobody asked for. */
  #checkCounter({ round, attempts }: { round: string; attempts: readonly Attempt[] }, objects: ReadonlyMap<string, JsonObject>): string[] {
    const increments = attempts.filter(({ key, client }) => key === counterKey(round) && client !== `${round}.first`)
    const { acknowledged, unanswered } = countOutcomes(increments)
    const value = Number(objects.get(`ConfigEntry ${counterKey(round)}`)?.['value'])
    const isWithin = acknowledged <= value && value <= acknowledged + unanswered
    return isWithin ? [] : [`the counter is ${value} after ${acknowledged} acknowledged and ${unanswered} unanswered increments`]
  }

  /** What is stored, from the first revision on: all rounds' writes, the chain, and the tables against the log. */
  async #checkStored(): Promise<void> {
    const { head, log, chain, stored, replayed } = await this.#options.place.inspect()
    const since = this.#base ?? 0
    const ours = log.filter(({ revision }) => revision > since)
    const report = auditWrites(this.#attempts, ours, { since, head: head.revision })
    this.#lost = Math.max(this.#lost, report.lost)
    this.#gaps = Math.max(this.#gaps, report.gaps)
    this.#violations.push(...report.violations.map((line) => `stored: ${line}`))
    this.#violations.push(...compareStates(replayed, stored).map((line) => `tables and log differ: ${line}`))
    if (!chain.isIntact) this.#violations.push(`the chain is broken at revision ${chain.firstBrokenRevision}`)
    if (this.#seen?.head !== head.revision)
      this.#violations.push(`the server stood at revision ${this.#seen?.head}, and stored is ${head.revision}`)
    const past = this.#storedHead
    const isSamePast = !past || log.some(({ revision, digest }) => revision === past.revision && digest === past.digest)
    if (!isSamePast) this.#violations.push(`revision ${past.revision} is another one than after the last round`)
    this.#chain = chain
    this.#storedHead = head
  }

  async #start(): Promise<ReadyServer> {
    return this.#launch().ready
  }

  #launch(): StartingServer {
    if (this.#isOver) throw new Error('the run is over')
    this.#server = launchServer(this.#options.program, this.#options.place.settings)
    return this.#server
  }

  #target({ url }: ReadyServer): Target {
    return { url, key: this.#options.place.adminKey }
  }
}

function countOutcomes(attempts: readonly Attempt[]): Record<Attempt['outcome']['kind'], number> {
  const counts = { acknowledged: 0, refused: 0, unanswered: 0 }
  for (const { outcome } of attempts) counts[outcome.kind] += 1
  return counts
}
