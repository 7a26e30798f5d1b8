import type { CoreServices } from '../../core/contract/core-services.js'
import { Signals } from '../../core/graphql/streams/signals.js'
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
  readonly #signals = new Signals(() => this.#start())
  #timer: NodeJS.Timeout | undefined
  #last: EffectiveMaintenance | undefined

  constructor(core: Pick<CoreServices, 'ledger' | 'clock'>) {
    this.#core = core
  }

  /** How many follow. */
  get followers(): number {
    return this.#signals.followers
  }

  /**
   * A signal at once, then one after every change of the switch or a window, and whenever a window begins or ends or the
   * switch expires. Signals that are not taken in time become one: what counts is the state at that time.
   */
  follow(): AsyncIterableIterator<true> {
    return this.#signals.follow()
  }

  #start(): () => void {
    this.#last = this.#current()
    const stopListening = this.#core.ledger.onCommit((changes) => {
      if (isAboutMaintenance(changes)) this.#raise()
    })
    this.#arm()
    return () => {
      clearTimeout(this.#timer)
      stopListening()
    }
  }

  #current(): EffectiveMaintenance {
    return maintenanceAt(this.#core.ledger.snapshot, this.#core.clock.now())
  }

  #raise(): void {
    this.#last = this.#current()
    this.#signals.raise()
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

/** The one watch of a server. */
export const maintenanceWatch = (core: CoreServices): MaintenanceWatch => new MaintenanceWatch(core)
