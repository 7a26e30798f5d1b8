import type { CoreServices } from '../contract/core-services.js'
import { type ChainBounds, type ChainVerdict, checkpointSeal, verifyChain } from '../ledger/digest.js'
import type { ChangeRecord } from '../state/change.js'
import type { SnapshotPosition } from '../state/snapshot.js'
import { walkChanges } from './change-walk.js'
import { type EventPosition, type EventVerdict, holdsEvent, readEventBounds, verifyEvents } from './event-walk.js'
import { checkAllObjects, checkObjects, type ObjectRules, type TamperedObject } from './object-walk.js'

/** What a check found. */
export interface IntegrityReport {
  readonly isIntact: boolean
  readonly checkedRevisions: number
  readonly firstBrokenRevision: number | null
  readonly headRevision: number
  readonly headDigest: string
  readonly checkedObjects: number
  /** At most {@link MAX_NAMED} of them. */
  readonly tamperedObjects: readonly TamperedObject[]
  readonly checkedEvents: number
  readonly firstBrokenEvent: string | null
}

/** Most objects that a report names. */
const MAX_NAMED = 100
/** More changes than this since the last check are not looked at one by one: everything is checked again. */
const MAX_RECENT = 20_000

type Tools = Pick<CoreServices, 'changeLog' | 'collections' | 'settings' | 'database' | 'clock'>

/** What was found so far: the next look goes on from there. */
interface Memory {
  readonly changes: SnapshotPosition
  readonly events: EventPosition
  readonly objects: ObjectVerdict
}

interface ObjectVerdict {
  readonly checked: number
  readonly tampered: readonly TamperedObject[]
}

interface ChangesFound {
  readonly bounds: ChainBounds
  readonly verdict: ChainVerdict
  /** Changes that this walk came by, where it began behind what was known. */
  readonly seen: readonly ChangeRecord[]
}

/**
 * Tells whether the database holds what was written: the chain of changes, the chain of audit events, and every stored object
 * against the last change of it. One check of a kind at a time: whoever asks meanwhile gets the same answer.
 */
export class Integrity {
  readonly #core: Tools
  #memory: Memory | undefined
  #full: Promise<IntegrityReport> | undefined
  #recent: Promise<IntegrityReport> | undefined

  constructor(core: Tools) {
    this.#core = core
  }

  /** Up to this revision the log was verified by this process; 0 before the first check. */
  get verifiedRevision(): number {
    return this.#memory?.changes.revision ?? 0
  }

  /** Checks everything. Rejects with AppError UNAVAILABLE while the database is away. */
  checkAll(): Promise<IntegrityReport> {
    this.#full ??= this.#check(undefined).finally(() => {
      this.#full = undefined
    })
    return this.#full
  }

  /** Checks what has come since the last check, and what was wrong then; everything, when nothing was checked yet. */
  checkRecent(): Promise<IntegrityReport> {
    this.#recent ??= this.#checkRecent().finally(() => {
      this.#recent = undefined
    })
    return this.#recent
  }

  async #checkRecent(): Promise<IntegrityReport> {
    const memory = this.#memory
    return memory && (await this.#isStillTrue(memory)) ? this.#check(memory) : this.checkAll()
  }

  /** Whether the log still leads through what was verified: it may have been shortened beyond, or the database put back. */
  async #isStillTrue({ changes }: Memory): Promise<boolean> {
    const { changeLog } = this.#core
    const { start, head } = await changeLog.bounds()
    const isWithin =
      start.revision <= changes.revision && changes.revision <= head.revision && head.revision - changes.revision <= MAX_RECENT
    return isWithin && (await changeLog.holds(changes))
  }

  async #check(memory: Memory | undefined): Promise<IntegrityReport> {
    const { bounds, verdict, seen } = await this.#checkChanges(memory?.changes)
    const objects = await this.#checkObjects(bounds, memory && { known: memory.objects, seen })
    const { start, ...events } = await this.#checkEvents(memory?.events)
    this.#memory = { changes: verdict.verified, events: events.verified, objects }
    return {
      isIntact: verdict.isIntact && objects.tampered.length === 0 && events.isIntact,
      checkedRevisions: verdict.verified.revision - bounds.start.revision,
      firstBrokenRevision: verdict.firstBrokenRevision,
      headRevision: bounds.head.revision,
      headDigest: bounds.head.digest,
      checkedObjects: objects.checked,
      tamperedObjects: objects.tampered.slice(0, MAX_NAMED),
      checkedEvents: events.verified.seq - start.seq,
      firstBrokenEvent: events.firstBroken,
    }
  }

  async #checkChanges(from: SnapshotPosition | undefined): Promise<ChangesFound> {
    const { changeLog } = this.#core
    for (;;) {
      const bounds = await changeLog.bounds()
      const seen: ChangeRecord[] = []
      const since = { ...bounds, start: from ?? bounds.start }
      const verdict = withCheckpoint(this.#key, bounds, await verifyChain(this.#key, since, this.#walk(since, from && seen)))
      // The log may have been shortened under the walk: then its beginning is elsewhere, and the walk begins again.
      if (verdict.isIntact || (await changeLog.bounds()).start.revision === bounds.start.revision) return { bounds, verdict, seen }
    }
  }

  async *#walk(bounds: ChainBounds, seen: ChangeRecord[] | undefined): AsyncGenerator<ChangeRecord> {
    for await (const change of walkChanges(this.#core, bounds)) {
      seen?.push(change)
      yield change
    }
  }

  async #checkEvents(from: EventPosition | undefined): Promise<EventVerdict & { readonly start: EventPosition }> {
    for (;;) {
      const bounds = await readEventBounds(this.#core)
      const { start_seq, start_digest, seq } = bounds.head
      const start = { seq: start_seq, digest: start_digest }
      const isKnown = from !== undefined && start_seq <= from.seq && from.seq <= seq && (await holdsEvent(this.#core, bounds, from))
      const verdict = await verifyEvents(this.#core, { key: this.#key, bounds, start: isKnown ? from : start })
      // Like the log, the chain may have been shortened meanwhile.
      if (verdict.isIntact || (await readEventBounds(this.#core)).head.start_seq === start_seq) return { ...verdict, start }
    }
  }

  async #checkObjects(
    bounds: ChainBounds,
    recent: { readonly known: ObjectVerdict; readonly seen: readonly ChangeRecord[] } | undefined,
  ): Promise<ObjectVerdict> {
    const rules: ObjectRules = {
      auditKey: this.#key,
      startRevision: bounds.start.revision,
      isUnknownAllowed: isUnknownAllowed(this.#key, bounds),
    }
    const tampered: TamperedObject[] = []
    let checked = 0
    if (!recent) {
      for (const collection of this.#core.collections) {
        for await (const found of checkAllObjects(this.#core, collection, rules)) {
          checked += 1
          if (found) tampered.push(found)
        }
      }
      return { checked, tampered }
    }
    const { known, seen } = recent
    const looked = [...seen.map(({ targetType, targetKey }) => ({ targetType, key: targetKey })), ...known.tampered]
    for (const collection of this.#core.collections) {
      const keys = new Set(looked.filter(({ targetType }) => targetType === collection.name).map(({ key }) => key))
      tampered.push(...(await checkObjects(this.#core, { collection, keys: [...keys] }, rules)))
    }
    const made = seen.filter(({ action }) => action === 'CREATE').length - seen.filter(({ action }) => action === 'DELETE').length
    return { checked: known.checked + made, tampered }
  }

  get #key(): string {
    return this.#core.settings.auditKey ?? ''
  }
}

/** A checkpoint that nobody with the key has written is right only where no build that seals has written what follows it. */
function withCheckpoint(key: string, bounds: ChainBounds, verdict: ChainVerdict): ChainVerdict {
  const { checkpoint, start } = bounds
  if (!checkpoint || (isSealed(key, checkpoint) ? checkpoint.keptCount === checkpoint.foundCount : checkpoint.nextSeal === null))
    return verdict
  return { ...verdict, isIntact: false, firstBrokenRevision: Math.min(start.revision, verdict.firstBrokenRevision ?? start.revision) }
}

function isSealed(key: string, checkpoint: NonNullable<ChainBounds['checkpoint']>): boolean {
  return checkpoint.seal === checkpointSeal(key, checkpoint)
}

function isUnknownAllowed(key: string, { checkpoint }: ChainBounds): boolean {
  if (!checkpoint) return false
  return isSealed(key, checkpoint) ? checkpoint.unkeptRevision !== null : checkpoint.nextSeal === null
}
