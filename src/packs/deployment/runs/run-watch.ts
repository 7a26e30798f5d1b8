import type { CoreServices } from '../../../core/contract/core-services.js'
import { eventsAfter, Signals } from '../../../core/graphql/streams/signals.js'
import { SmokeRunStore } from './smoke-run.store.js'
import type { SmokeTestRun } from './smoke-test.types.js'

/** How often runs of other replicas are looked for while somebody follows, in milliseconds. */
const LOOK_EVERY_MS = 2_000
/** A run that ended longer ago was told before: clocks of replicas differ by less, and so do the ends of runs and their writing. Milliseconds. */
const LOOK_BACK_MS = 60_000
/** Runs that wait for one follower; of one that is slower it gets the newest. */
const MAX_WAITING = 100

/** Tells of runs as they begin and end: those of this replica at once, those of others as they are kept. */
export class RunWatch {
  readonly #core: CoreServices
  readonly #queues = new Set<SmokeTestRun[]>()
  readonly #signals = new Signals(() => this.#start())
  /** Runs that were told as ended, and when that was found out; milliseconds since 1970. */
  readonly #told = new Map<string, number>()
  #isLooking = false
  /** When a look last got through, or somebody began to follow; milliseconds since 1970. Undefined while nobody looks. */
  #lookedAtMs: number | undefined

  constructor(core: CoreServices) {
    this.#core = core
  }

  /** A run of this replica has begun, or ended. */
  tell(run: SmokeTestRun): void {
    if (run.finishedAt) this.#note([run])
    for (const queue of this.#queues) if (queue.push(run) > MAX_WAITING) queue.shift()
    this.#signals.raise()
  }

  /** Every run from now on, as it begins and as it ends. */
  follow(): AsyncIterableIterator<SmokeTestRun> {
    const queue: SmokeTestRun[] = []
    this.#queues.add(queue)
    const events = eventsAfter(this.#signals.follow(), function* () {
      for (let run = queue.shift(); run; run = queue.shift()) yield run
    })
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: () => events.next(),
      return: async () => {
        this.#queues.delete(queue)
        return (await events.return?.()) ?? { done: true, value: undefined }
      },
    }
  }

  #start(): () => void {
    if (!this.#core.database.isShared) return () => undefined
    const startedAtMs = this.#core.clock.now().getTime()
    this.#lookedAtMs = startedAtMs
    // What has ended before somebody followed is nothing new.
    let newSinceMs = startedAtMs
    const look = async (): Promise<void> => {
      if (this.#isLooking) return
      this.#isLooking = true
      await this.#look(newSinceMs)
        .then(() => {
          newSinceMs = 0
        })
        // The database is away: the next look that gets through tells what has ended meanwhile.
        .catch(() => undefined)
      this.#isLooking = false
    }
    void look()
    const timer = setInterval(() => void look(), LOOK_EVERY_MS)
    timer.unref()
    return () => {
      clearInterval(timer)
      this.#lookedAtMs = undefined
    }
  }

  /** Tells what has ended since the last look that got through; of that only what has ended at `newSinceMs` or later. */
  async #look(newSinceMs: number): Promise<void> {
    const nowMs = this.#core.clock.now().getTime()
    const ended = await new SmokeRunStore(this.#core.database).endedSince(new Date((this.#lookedAtMs ?? nowMs) - LOOK_BACK_MS))
    for (const run of ended) if (Number(run.finishedAt) >= newSinceMs && !this.#told.has(run.id)) this.tell(run)
    this.#note(ended)
    if (this.#lookedAtMs !== undefined) this.#lookedAtMs = nowMs
  }

  #note(ended: readonly SmokeTestRun[]): void {
    const now = this.#core.clock.now().getTime()
    for (const { id } of ended) this.#told.set(id, now)
    // Kept for as long as the next look may come upon them.
    const endsAtMs = (this.#lookedAtMs ?? now) - LOOK_BACK_MS
    for (const [id, at] of this.#told) if (at < endsAtMs) this.#told.delete(id)
  }
}
