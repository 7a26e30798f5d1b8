import type { CoreServices } from '../../core/contract/core-services.js'
import type { ChangeRecord } from '../../core/state/change.js'
import { type EffectiveMaintenance, maintenanceAt } from './effective.js'
import { maintenanceSwitchCollection } from './maintenance-switch.collection.js'
import { maintenanceWindowCollection } from './maintenance-window.collection.js'

/**
 * The clock is looked at this often, in milliseconds: timers run on another clock than the one that decides, which can be
 * set forward or back meanwhile, and none may be longer than 2^31 ms.
 */
const RECHECK_EVERY_MS = 1_000

const COLLECTIONS: ReadonlySet<string> = new Set([maintenanceSwitchCollection.name, maintenanceWindowCollection.name])

/** Says to whoever follows when the maintenance state may be another one. One timer for all, and none when nobody follows. */
export class MaintenanceWatch {
  readonly #core: Pick<CoreServices, 'ledger' | 'clock'>
  readonly #signals = new Set<Signal>()
  #stopListening: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #last: EffectiveMaintenance | undefined

  constructor(core: Pick<CoreServices, 'ledger' | 'clock'>) {
    this.#core = core
  }

  /** How many follow. */
  get followers(): number {
    return this.#signals.size
  }

  /**
   * A signal at once, then one after every change of the switch or a window, and whenever a window begins or ends or the
   * switch expires. Signals that are not taken in time become one: what counts is the state at that time.
   */
  follow(): AsyncIterableIterator<true> {
    const signal = new Signal(() => {
      this.#signals.delete(signal)
      if (this.#signals.size === 0) this.#stop()
    })
    this.#signals.add(signal)
    if (this.#signals.size === 1) this.#start()
    return signal
  }

  #start(): void {
    this.#last = this.#current()
    this.#stopListening = this.#core.ledger.onCommit((changes) => {
      if (isAboutMaintenance(changes)) this.#raise()
    })
    this.#arm()
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#stopListening?.()
  }

  #current(): EffectiveMaintenance {
    return maintenanceAt(this.#core.ledger.snapshot, this.#core.clock.now())
  }

  #raise(): void {
    this.#last = this.#current()
    for (const signal of this.#signals) signal.raise()
    this.#arm()
  }

  #tick(): void {
    // Another bound behind us than before: something has begun or ended, in whichever direction the clock went.
    if (this.#current().validFromMs !== this.#last?.validFromMs) this.#raise()
    else this.#arm()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const untilNextMs = this.#current().validUntilMs - this.#core.clock.now().getTime()
    this.#timer = setTimeout(() => this.#tick(), Math.min(Math.max(untilNextMs, 1), RECHECK_EVERY_MS))
    this.#timer.unref()
  }
}

/** No changes at all: the state was loaded anew, and anything may have changed. */
function isAboutMaintenance(changes: readonly ChangeRecord[]): boolean {
  return changes.length === 0 || changes.some(({ targetType }) => COLLECTIONS.has(targetType))
}

/** Signals for one follower, who can leave at any time, also while it waits. Holds at most one signal that was not taken. */
class Signal implements AsyncIterableIterator<true> {
  readonly #leave: () => void
  #isRaised = true
  #isEnded = false
  #waiting: ((result: IteratorResult<true>) => void) | undefined

  constructor(leave: () => void) {
    this.#leave = leave
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  raise(): void {
    this.#isRaised = true
    this.#deliver()
  }

  next(): Promise<IteratorResult<true>> {
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#deliver()
    })
  }

  return(): Promise<IteratorResult<true>> {
    this.#isEnded = true
    this.#deliver()
    this.#leave()
    return Promise.resolve({ done: true, value: undefined })
  }

  #deliver(): void {
    if (!this.#waiting || !(this.#isRaised || this.#isEnded)) return
    const resolve = this.#waiting
    this.#waiting = undefined
    this.#isRaised = false
    resolve(this.#isEnded ? { done: true, value: undefined } : { done: false, value: true })
  }
}

/** The one watch of a server. */
export const maintenanceWatch = (core: CoreServices): MaintenanceWatch => new MaintenanceWatch(core)
