import type { Clock } from '../../core/platform/clock.js'
import type { Log } from '../../core/platform/log.js'
import { ipSubject } from '../../core/values/ip-subject.js'
import type { CounterCall } from './counters/counters.js'
import { MemoryCounters } from './counters/memory-counters.js'
import { waitMs } from './counters/sliding-window.js'

const WINDOW_MS = 60_000
/** Addresses that are kept in memory at most. */
const MAX_ADDRESSES = 20_000

/** What failed authentications are counted with. */
export interface FailedAuthenticationsOptions {
  /** Failures that one address may have in a minute; 0: any number. */
  readonly perMinute: number
  readonly clock: Clock
  readonly log: Log
}

/**
 * Counts failed authentications by address (IPv6 by its /64), in each process for itself. Only failures are counted and only
 * failures are refused: a key that works always gets through, so that nobody can lock others out from a shared address. Keys
 * cannot be guessed anyway (their secret has 190 bits); what this protects is the log, and the time that failures take.
 */
export class FailedAuthentications {
  /** Failures beyond the limit. */
  denials = 0
  readonly #counters: MemoryCounters
  readonly #max: number
  readonly #clock: Clock
  readonly #log: Log
  #loggedAtMs = Number.NEGATIVE_INFINITY

  constructor({ perMinute, clock, log }: FailedAuthenticationsOptions) {
    this.#max = perMinute
    this.#clock = clock
    this.#log = log
    this.#counters = new MemoryCounters({ clock, log, maxSubjects: MAX_ADDRESSES })
  }

  /** Counts a failure; answers after how many seconds the next one is looked at again when there have been too many. */
  count(ip: string): number | undefined {
    if (this.#max === 0) return undefined
    const subject = ipSubject(ip) ?? ''
    const call: CounterCall = { counterId: 'authentication', subject, windowMs: WINDOW_MS, max: this.#max, isShadow: false }
    const [reading] = this.#counters.take([call], 1)
    if (!reading || reading.isFitting) return undefined
    this.denials += 1
    this.#report(subject)
    return (waitMs(reading, call, 1) ?? WINDOW_MS) / 1_000
  }

  /** Forgets addresses whose failures have faded. */
  sweep(): void {
    this.#counters.sweep()
  }

  /** Once a minute, whatever the number of addresses: the log is what is to be protected. */
  #report(subject: string): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#loggedAtMs < WINDOW_MS) return
    this.#loggedAtMs = nowMs
    this.#log.warn({ address: subject, denials: this.denials }, 'too many failed authentications: further ones are refused and not logged')
  }
}
