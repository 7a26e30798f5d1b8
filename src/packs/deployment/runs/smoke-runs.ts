import { setTimeout as wait } from 'node:timers/promises'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { AppError } from '../../../core/contract/errors.js'
import { type Page, type PageArgs, pageOfRows } from '../../../core/graphql/connection.js'
import type { RunProgress } from './run-progress.js'
import { RunWatch } from './run-watch.js'
import { SmokeRunStore } from './smoke-run.store.js'
import type { SmokeCheckResult, SmokeTestRun } from './smoke-test.types.js'

/** Runs that wait in memory for the database to come back. */
const MAX_UNSAVED = 100
const RUN_ID = /^[0-9a-f-]{36}$/

/** All runs: the one under way, those that could not be kept yet, and those that are kept. */
export class SmokeRuns {
  readonly #core: CoreServices
  readonly #watch: RunWatch
  #current: RunProgress | undefined
  #unsaved: SmokeTestRun[] = []
  #saving: Promise<void> = Promise.resolve()

  constructor(core: CoreServices) {
    this.#core = core
    this.#watch = new RunWatch(core)
  }

  /** A run is under way from now on. */
  begin(progress: RunProgress): void {
    this.#current = progress
    this.#watch.tell(progress.record)
  }

  /** The run under way has ended, and is kept. Never fails: a run that cannot be kept now waits for the next one to end. */
  async end(run: SmokeTestRun): Promise<void> {
    this.#current = undefined
    this.#unsaved = [...this.#unsaved, run].slice(-MAX_UNSAVED)
    this.#watch.tell(run)
    // Asking a database that was away a moment ago would keep the caller waiting.
    const isDatabaseAway = run.results.some(({ name, status }) => name === 'database' && status === 'FAILED')
    if (isDatabaseAway) return
    this.#saving = this.#saving.then(() => this.#saveAll())
    await Promise.race([this.#saving, wait(this.#core.settings.writeTimeoutMs, undefined, { ref: false })])
  }

  /** The run under way came to nothing, and is not kept. It proves nothing, so it is not ok for whoever follows. */
  abandon(run: SmokeTestRun): void {
    this.#current = undefined
    this.#watch.tell({ ...run, isOk: false })
  }

  /** The run with this id, as far as it has come; null when there is none. */
  async find(id: string): Promise<SmokeTestRun | null> {
    if (!RUN_ID.test(id)) return null
    return this.#inMemory().find((run) => run.id === id) ?? (await this.#store().find(id))
  }

  /** Runs, newest first. */
  page(args: PageArgs): Promise<Page<SmokeTestRun>> {
    const here = this.#inMemory()
    return pageOfRows(args, {
      list: 'SmokeTestRun',
      cursorOf: ({ id }) => id,
      placeOf: (text) => (RUN_ID.test(text) ? text : undefined),
      rows: async (take, after) => {
        const kept = await this.#store().page(take, after)
        const runs = new Map([...kept, ...here.filter(({ id }) => after === undefined || id < after)].map((run) => [run.id, run]))
        return [...runs.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, take)
      },
      totalCount: async () => {
        const ids = here.map(({ id }) => id)
        return (await this.#store().count()) + ids.length - (ids.length === 0 ? 0 : await this.#store().count(ids))
      },
    })
  }

  /** Every run from now on, as it begins and as it ends. */
  follow(): AsyncIterableIterator<SmokeTestRun> {
    return this.#watch.follow()
  }

  /** Every result of a run as its check ends, those found already first; throws AppError BAD_USER_INPUT when there is no such run. */
  async watch(id: string): Promise<AsyncIterable<SmokeCheckResult>> {
    if (this.#current?.id === id) return this.#current.watch()
    const run = await this.find(id)
    if (!run)
      throw new AppError(
        'BAD_USER_INPUT',
        'There is no smoke test run of this id. A run under way is known to the replica that runs it only.',
      )
    return replay(run.results)
  }

  #inMemory(): SmokeTestRun[] {
    return [...(this.#current ? [this.#current.record] : []), ...this.#unsaved]
  }

  async #saveAll(): Promise<void> {
    const store = this.#store()
    try {
      for (let run = this.#unsaved[0]; run; run = this.#unsaved[0]) {
        const saved = run
        await store.save(saved)
        this.#unsaved = this.#unsaved.filter((waiting) => waiting !== saved)
      }
    } catch (error) {
      this.#core.log.warn({ err: error, waiting: this.#unsaved.length }, 'smoke test run not kept; it stays in memory for the next try')
    }
  }

  /** Made when it is needed: the database is not there yet when the schema is only looked at. */
  #store(): SmokeRunStore {
    return new SmokeRunStore(this.#core.database)
  }
}

async function* replay(results: readonly SmokeCheckResult[]): AsyncGenerator<SmokeCheckResult, void, undefined> {
  yield* results
}
