import type { CoreServices } from '../../../core/contract/core-services.js'
import { AppError } from '../../../core/contract/errors.js'
import { eventsAfter, Signals } from '../../../core/graphql/streams/signals.js'
import { auditEventsBetween, newestAuditEvent } from './audit-event.queries.js'
import type { AuditEvent, AuditEventFilter } from './audit-event.types.js'

/** How often the end of the chain is looked at while somebody follows, in milliseconds. */
const LOOK_EVERY_MS = 500
/** Events that are read at a time: a follower that is slow waits in the log, not in memory. */
const AT_ONCE = 100

/** Looks for new events of any replica, once for all who follow. */
class AuditWatch {
  readonly #core: Pick<CoreServices, 'database'>
  readonly #signals = new Signals(() => this.#start())
  /** Place of the newest event that followers were told of; -1: they are to be told again. */
  #newest = -1
  #isLooking = false

  constructor(core: Pick<CoreServices, 'database'>) {
    this.#core = core
  }

  /** Every event that `filter` means from now on, in the order in which they were written, without a gap or a repeat. */
  async follow(filter: AuditEventFilter): Promise<AsyncIterableIterator<AuditEvent>> {
    const { database } = this.#core
    const tellAgain = (): void => {
      this.#newest = -1
    }
    let reached = await newestAuditEvent(database)
    return eventsAfter(this.#signals.follow(), async function* () {
      try {
        for (let newest = await newestAuditEvent(database); reached < newest; ) {
          const events = await auditEventsBetween(database, filter, { behind: reached, upTo: newest, take: AT_ONCE })
          for (const { event, seq } of events) {
            yield event
            reached = seq
          }
          if (events.length < AT_ONCE) reached = newest
        }
      } catch (error) {
        // The database is away: what comes meanwhile is read once it is back.
        if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error
        tellAgain()
      }
    })
  }

  #start(): () => void {
    const timer = setInterval(() => void this.#look(), LOOK_EVERY_MS)
    timer.unref()
    return () => clearInterval(timer)
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const newest = await newestAuditEvent(this.#core.database)
      if (newest !== this.#newest) this.#signals.raise()
      this.#newest = newest
    } catch {
      this.#newest = -1
    } finally {
      this.#isLooking = false
    }
  }
}

/** The one watch of a server. */
export const auditWatch = (core: CoreServices): AuditWatch => new AuditWatch(core)
