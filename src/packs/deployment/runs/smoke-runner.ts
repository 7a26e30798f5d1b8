import type { ActorRef } from '../../../core/contract/caller.js'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { newId } from '../../../core/platform/ids.js'
import { OutgoingClient } from '../outgoing/outgoing-client.js'
import type { CheckContext } from '../probes/check-context.js'
import { failed, skipped, type Verdict } from '../probes/verdict.js'
import { issueRunKey } from './run-key.js'
import { RunProgress } from './run-progress.js'
import { type RunnableCheck, type RunSelection, selectRun } from './run-selection.js'
import { SmokeRuns } from './smoke-runs.js'
import { SmokeTally } from './smoke-tally.js'
import type { SmokeCheckResult, SmokeTestRun } from './smoke-test.types.js'

/** Checks that run side by side. */
const SIDE_BY_SIDE = 4
/** How long a check may take, if it is not allowed more; milliseconds. */
const CHECK_TIMEOUT_MS = 5_000
/** How long a whole run may take; milliseconds. */
const RUN_TIMEOUT_MS = 120_000

/** A run that is under way. */
export interface BegunRun {
  /** As far as it has come when it begins. */
  readonly run: SmokeTestRun
  /** Rejects when it came to nothing. */
  readonly ended: Promise<SmokeTestRun>
}

/** The right to the one run that a replica does at a time. */
export interface RunSlot {
  /** Begins to probe this service from outside, or what is selected; the run is kept, and the slot given back, once it has ended. Throws, and gives the slot back, where it cannot begin. */
  begin(triggeredBy: ActorRef, selection?: RunSelection): BegunRun
  /** {@link begin}, and the run once it has ended. */
  run(triggeredBy: ActorRef, selection?: RunSelection): Promise<SmokeTestRun>
  /** Gives the slot back without a run. */
  release(): void
}

/** Runs the smoke test: one run at a time. */
export class SmokeRunner {
  readonly runs: SmokeRuns
  readonly tally = new SmokeTally()
  readonly #core: CoreServices
  /** Whose turn it is. */
  #holder: object | undefined
  #underWay: Promise<unknown> = Promise.resolve()

  constructor(core: CoreServices) {
    this.#core = core
    this.runs = new SmokeRuns(core)
  }

  /** Takes the slot; undefined while another run is under way. */
  reserve(): RunSlot | undefined {
    if (this.#holder) return undefined
    const holder = {}
    this.#holder = holder
    const release = (): void => {
      // A slot that was given back may be somebody else's by now.
      if (this.#holder === holder) this.#holder = undefined
    }
    const begin: RunSlot['begin'] = (triggeredBy, selection) => {
      if (this.#holder !== holder) throw new TypeError('the slot of this smoke test was given back already')
      try {
        const selected = selection ?? this.#everything()
        const progress = this.#begin(triggeredBy, selected)
        const ended = this.#run(progress, selected).finally(release)
        this.#underWay = ended.catch(() => undefined)
        return { run: progress.record, ended }
      } catch (error) {
        release()
        throw error
      }
    }
    return { release, begin, run: async (triggeredBy, selection) => begin(triggeredBy, selection).ended }
  }

  /** Waits for the run that is under way. */
  async settled(): Promise<void> {
    await this.#underWay
  }

  #everything(): RunSelection {
    const result = selectRun(this.#core, {})
    if (!result.ok)
      throw new TypeError(`a whole smoke test cannot be selected: ${result.userErrors.map(({ message }) => message).join(' ')}`)
    return result.selection
  }

  #begin({ id, name, clientType }: ActorRef, { baseUrl }: RunSelection): RunProgress {
    const triggeredBy = Object.freeze({ id, name, clientType })
    const progress = new RunProgress({ id: newId(), baseUrl, startedAt: this.#core.clock.now(), triggeredBy })
    this.runs.begin(progress)
    return progress
  }

  async #run(progress: RunProgress, selection: RunSelection): Promise<SmokeTestRun> {
    const { clock, log } = this.#core
    const startedAtMs = clock.monotonicMs()
    try {
      await this.#probe(progress, selection)
    } catch (error) {
      this.runs.abandon(progress.finish(clock.now(), clock.monotonicMs() - startedAtMs))
      this.tally.abandon()
      throw error
    }
    const run = progress.finish(clock.now(), clock.monotonicMs() - startedAtMs)
    this.tally.count(run)
    const failures = run.results.filter(({ status }) => status === 'FAILED').map((result) => result.name)
    log.info({ runId: run.id, isOk: run.isOk, durationMs: run.durationMs, failed: failures }, 'smoke test finished')
    await this.runs.end(run)
    return run
  }

  async #probe(progress: RunProgress, { destination, checks }: RunSelection): Promise<void> {
    const core = this.#core
    const client = new OutgoingClient({ destination, clock: core.clock })
    const key = destination.isOwn ? issueRunKey(core, checks) : undefined
    const { schema } = core.service.door
    const shared = { core, client, destination, schema, key: key?.text, requestId: `smoke-${progress.id}` }
    const endsAtMs = core.clock.monotonicMs() + RUN_TIMEOUT_MS
    const waiting = [...checks]
    const work = async (): Promise<void> => {
      for (let check = waiting.shift(); check; check = waiting.shift()) progress.add(await this.#outcomeOf(check, shared, endsAtMs))
    }
    try {
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
    } finally {
      key?.revoke()
      await client.close()
    }
  }

  /** Never rejects: whatever a check comes to is its result. */
  async #outcomeOf(check: RunnableCheck, shared: Omit<CheckContext, 'signal'>, endsAtMs: number): Promise<SmokeCheckResult> {
    const { clock } = this.#core
    const startedAtMs = clock.monotonicMs()
    const limitMs = Math.max(CHECK_TIMEOUT_MS, check.maxLatencyMs ?? 0)
    const verdict =
      reachFault(check, shared.destination.isOwn) ?? (await this.#runWithin(Math.min(limitMs, endsAtMs - startedAtMs), check, shared))
    const { status, statusCode = null, latencyMs = clock.monotonicMs() - startedAtMs, error = null } = verdict
    const { name, isBlocking } = check
    return { name, status, isBlocking, statusCode, latencyMs: latencyMs === null ? null : Math.round(latencyMs * 10) / 10, error }
  }

  async #runWithin(limitMs: number, check: RunnableCheck, shared: Omit<CheckContext, 'signal'>): Promise<Verdict> {
    if (limitMs <= 0) return failed(`Not run: the run as a whole may take ${RUN_TIMEOUT_MS / 1000} s. Run fewer or faster checks.`)
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(new Error('the time of the check is up')), limitMs)
    try {
      return await untilAborted(check.run({ ...shared, signal: limit.signal }), limit.signal)
    } catch (error) {
      if (limit.signal.aborted) {
        return failed(`No answer within ${Math.round(limitMs)} ms. Look for load, or for something that it waits for in vain.`)
      }
      this.#core.log.error({ err: error, check: check.name }, 'a check of the smoke test failed by itself')
      return failed('The check itself failed. Look into the log.')
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Why a check cannot be run at a destination that is not this service. */
function reachFault({ reach }: RunnableCheck, isOwn: boolean): Verdict | undefined {
  if (isOwn || reach === 'anywhere') return undefined
  if (reach === 'process') return skipped('This check looks at the process that runs the test, and another address is being probed.')
  return skipped('This check needs a key, and no key is sent to another address.')
}

/** Stops waiting when the signal says so, also for what does not listen to it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** The one runner of a server. */
export const smokeRunner = (core: CoreServices): SmokeRunner => new SmokeRunner(core)
