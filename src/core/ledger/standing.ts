import type { Database } from '../database/database.js'
import { damageOf, isDiskFull } from '../database/database-error.js'
import type { Clock } from '../platform/clock.js'
import type { Log } from '../platform/log.js'

/** How far this process is behind, and whether it can still ask. */
export interface LedgerStatus {
  readonly isDatabaseReachable: boolean
  /** What people are told of damaged files of the database; undefined when none are known. */
  readonly damage: string | undefined
  /** Whether reads may be answered from an old state, or writes refused: the database is away, silent or damaged. */
  readonly isDegraded: boolean
  /** Milliseconds since the snapshot was last known to be the newest state. */
  readonly snapshotAgeMs: number
  /** Revisions that the database is known to be ahead of this process. */
  readonly revisionLag: number
}

/** A state that nobody has confirmed for longer may be an old one; milliseconds. */
const STALE_AFTER_MS = 2_000

/** What a {@link Standing} is told of. */
interface StandingOptions {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
}

/** Keeps what is known of where this process stands to its database. */
export class Standing {
  readonly #options: StandingOptions
  #revision: number
  #knownRevision: number
  #confirmedAtMs: number
  #isReachable = true
  #isDiskFull = false

  constructor(options: StandingOptions, revision: number) {
    this.#options = options
    this.#revision = revision
    this.#knownRevision = revision
    this.#confirmedAtMs = options.clock.monotonicMs()
  }

  get status(): LedgerStatus {
    const { database, clock } = this.#options
    const snapshotAgeMs = !database.isShared && this.#isReachable ? 0 : clock.monotonicMs() - this.#confirmedAtMs
    const damage = database.damage.text
    return {
      isDatabaseReachable: this.#isReachable,
      damage,
      isDegraded: !this.#isReachable || damage !== undefined || snapshotAgeMs > STALE_AFTER_MS,
      snapshotAgeMs,
      revisionLag: Math.max(0, this.#knownRevision - this.#revision),
    }
  }

  /** The database is said to have come to this revision. */
  hear(revision: number): void {
    this.#knownRevision = Math.max(this.#knownRevision, revision)
  }

  /** The database has answered, and stands at this revision. */
  found(revision: number): void {
    this.#knownRevision = revision
    this.answered()
  }

  /** This process has come to a revision, which was the newest one at a time. A whole state may be one that was put back: what was known before is void then. */
  reached(revision: number, atMs: number, { isWhole }: { readonly isWhole: boolean }): void {
    this.#revision = revision
    this.#knownRevision = isWhole ? revision : Math.max(revision, this.#knownRevision)
    this.confirmed(atMs)
    if (isWhole || !this.#isDiskFull) return
    this.#options.log.info({ revision }, 'the disk has room again: writes are accepted')
    this.#isDiskFull = false
  }

  /** The state was the newest one at a time. */
  confirmed(atMs: number): void {
    this.#confirmedAtMs = atMs
    this.answered()
  }

  /** The database answers. */
  answered(): void {
    if (!this.#isReachable) this.#options.log.info({ revision: this.#revision }, 'database reachable again')
    this.#isReachable = true
  }

  /** The database has failed. Damaged files and a full disk are no reason to call it away: most of it answers. */
  failed(error: unknown): void {
    this.#options.database.damage.note(error)
    if (damageOf(error) !== undefined) return
    const details = { err: error, revision: this.#revision }
    if (isDiskFull(error)) {
      if (!this.#isDiskFull) this.#options.log.error(details, 'the disk of the database is full: writes are refused until there is room')
      this.#isDiskFull = true
      return
    }
    if (this.#isReachable) this.#options.log.error(details, 'database away: reads go on from memory, writes are refused')
    this.#isReachable = false
  }
}
