import { type ChangeLog, type ChangeLogFilter, matchesFilter } from '../ledger/change-log.js'
import type { Ledger } from '../ledger/ledger.js'
import type { ChangeRecord } from '../state/change.js'
import type { SnapshotPosition } from '../state/snapshot.js'

/** Changes that may wait for one subscriber before it counts as too slow. */
const MAX_WAITING = 1_000

/** A subscriber did not keep up. It loses nothing: it can subscribe again from `resumeFrom`. */
export class SlowConsumerError extends Error {
  /** The last revision that the subscriber was given in full. */
  readonly resumeFrom: number

  constructor(resumeFrom: number) {
    super(`too slow: resume with sinceRevision ${resumeFrom}`)
    this.name = 'SlowConsumerError'
    this.resumeFrom = resumeFrom
  }
}

/** What a stream is read from. */
export interface ChangeSources {
  readonly ledger: Ledger
  readonly changeLog: ChangeLog
}

/**
 * Every change that `filter` and `isMeant` mean, in order: first from the log (from `filter.sinceRevision` on, from now on without it), then
 * live, without a gap or a repeat. Ends behind `filter.untilRevision`, and at once when its reader returns it, also while it
 * waits; throws {@link SlowConsumerError}, and BAD_USER_INPUT when the log does not hold any more what the stream stands on.
 */
export function streamChanges(
  sources: ChangeSources,
  filter: ChangeLogFilter,
  isMeant: (change: ChangeRecord) => boolean = () => true,
): AsyncGenerator<ChangeRecord, void, undefined> {
  const live = new LiveChanges(sources.ledger)
  const changes = followChanges(sources, { ...filter, isMeant }, live)
  const stream: AsyncGenerator<ChangeRecord, void, undefined> = {
    next: () => changes.next(),
    // A generator that waits does not hear of a return before its next value: wake it.
    return: () => {
      live.close()
      return changes.return()
    },
    throw: (error) => {
      live.close()
      return changes.throw(error)
    },
    [Symbol.asyncIterator]: () => stream,
  }
  return stream
}

async function* followChanges(
  { ledger, changeLog }: ChangeSources,
  { isMeant, ...filter }: ChangeLogFilter & { readonly isMeant: (change: ChangeRecord) => boolean },
  live: LiveChanges,
): AsyncGenerator<ChangeRecord, void, undefined> {
  const until = filter.untilRevision ?? Number.POSITIVE_INFINITY
  let reached = filter.sinceRevision ?? live.startedAt
  try {
    while (reached < until) {
      for (let before = live.takeReload(); before; before = live.takeReload()) {
        await changeLog.demandSame(before)
        await changeLog.demandKept({ sinceRevision: reached })
      }
      // Behind: read the log, and look again afterwards, as more may have landed meanwhile.
      const target = Math.min(ledger.snapshot.revision, until)
      if (reached < target) {
        live.clear()
        for await (const change of changeLog.stream({ ...filter, sinceRevision: reached, untilRevision: target }))
          if (isMeant(change)) yield change
        reached = target
        continue
      }
      // Level: nothing was awaited since the look, so what comes from here on is in the live queue.
      for (let revision = live.take(); revision !== 'reload' && reached < until; revision = live.take()) {
        if (live.isClosed) return
        if (live.isOverrun) throw new SlowConsumerError(reached)
        if (!revision) await live.news()
        else if (revision.number > reached) {
          for (const change of revision.changes) if (matchesFilter(change, filter) && isMeant(change)) yield change
          reached = revision.number
        }
      }
    }
  } finally {
    live.close()
  }
}

interface LiveRevision {
  readonly number: number
  readonly changes: ChangeRecord[]
}

/** Without the records, which a stream that waits must not hold. */
function positionOf({ revision, digest }: SnapshotPosition): SnapshotPosition {
  return { revision, digest }
}

/** What is committed while a subscriber looks elsewhere: bounded, revision by revision. */
class LiveChanges {
  isOverrun = false
  isClosed = false
  /** The newest revision when it began to listen. */
  readonly startedAt: number
  readonly #stop: () => void
  #waiting: LiveRevision[] = []
  #count = 0
  /** Where the state stood before it was loaded anew: what happened since has to be read from the log. */
  #reloadedFrom: SnapshotPosition | undefined
  #position: SnapshotPosition
  #wake: (() => void) | undefined

  constructor(ledger: Ledger) {
    this.#position = positionOf(ledger.snapshot)
    this.startedAt = this.#position.revision
    this.#stop = ledger.onCommit((changes, snapshot) => {
      if (changes.length === 0) this.#reloadedFrom ??= this.#position
      this.#position = positionOf(snapshot)
      this.#add(changes)
    })
  }

  clear(): void {
    this.#waiting = []
    this.#count = 0
    this.isOverrun = false
  }

  /** Where the state stood before it was loaded anew, when that has happened since the last call. */
  takeReload(): SnapshotPosition | undefined {
    const before = this.#reloadedFrom
    this.#reloadedFrom = undefined
    return before
  }

  take(): LiveRevision | 'reload' | undefined {
    if (this.#reloadedFrom) return 'reload'
    const revision = this.#waiting.shift()
    this.#count -= revision?.changes.length ?? 0
    return revision
  }

  news(): Promise<void> {
    if (this.isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#stop()
    this.#wake?.()
  }

  #add(changes: readonly ChangeRecord[]): void {
    for (const change of changes) {
      const last = this.#waiting.at(-1)
      if (last?.number === change.revision) last.changes.push(change)
      else this.#waiting.push({ number: change.revision, changes: [change] })
      this.#count += 1
    }
    // A single commit may be large: only what piles up behind an earlier one counts against the subscriber.
    if (this.#count > MAX_WAITING && this.#waiting.length > 1) {
      this.#waiting = []
      this.#count = 0
      this.isOverrun = true
    }
    this.#wake?.()
  }
}
