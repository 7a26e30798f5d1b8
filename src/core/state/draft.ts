import { mapInSlices } from '../platform/slices.js'
import type { JsonObject } from '../values/json.js'
import { type ChangeAction, MAX_REASON_LENGTH } from './change.js'
import type { AnyCollection, Collection, View } from './collection.js'
import { Snapshot, type SnapshotPosition, type Table } from './snapshot.js'

/** One record that a draft changes, with its public images. */
export interface DraftChange {
  readonly collection: AnyCollection
  readonly key: string
  readonly id: string
  readonly action: ChangeAction
  readonly before: JsonObject | null
  readonly after: JsonObject | null
  /** The record to store; undefined deletes it. */
  readonly record: object | undefined
  /** Why, where the command has said so for this very record: see {@link Draft.because}. */
  readonly reason: string | null
  /** The part of the command that had the last word on it, counted from 0: see {@link Draft.because}. */
  readonly part: number
}

interface Touched {
  readonly collection: AnyCollection
  readonly key: string
  readonly before: object | undefined
  /** Why it was written. */
  readonly reasons: Set<string>
  /** The part that wrote it last. */
  readonly part: number
  /** Why it was deleted and by which part, once it was made again: then it is another object under the same key. */
  readonly end?: { readonly reasons: ReadonlySet<string>; readonly part: number }
}

/** A record that a command has asked for, whether it was there or not. */
export interface RecordRead {
  readonly collection: AnyCollection
  readonly key: string
}

/** A look-up in a unique index that found nothing. */
export interface IndexMiss {
  readonly collection: AnyCollection
  readonly index: string
  readonly value: string
}

/**
 * A snapshot with pending edits on top. Commands read and write it as if it were the state; the base never notices.
 * It remembers what every touched record was before, and costs what it touches.
 */
export class Draft {
  readonly base: Snapshot
  /** The revision that a command has put back with its edits, or a part of it. */
  revertOf: number | null = null
  readonly #tables = new Map<string, Table>()
  readonly #touched = new Map<string, Touched>()
  readonly #reads = new Map<string, RecordRead>()
  readonly #misses: IndexMiss[] = []
  #reason: string | null = null
  #part = 0
  /** What {@link changes} has told, until the next edit. */
  #changes: readonly DraftChange[] | undefined

  constructor(base: Snapshot) {
    this.base = base
  }

  /** The records of a collection, pending edits included. */
  view<R extends object>(collection: Collection<R>): View<R> {
    const table = (): View<R> => this.#table(collection) as unknown as View<R>
    return {
      get size() {
        return table().size
      },
      get: (key) => this.get(collection, key),
      find: (index, value) => {
        const record = table().find(index, value)
        if (record) this.#noteRead(collection, collection.keyOf(record))
        else this.#misses.push({ collection, index, value })
        return record
      },
      values: (afterKey) => table().values(afterKey),
      listed: (listing, value, afterKey) => table().listed(listing, value, afterKey),
      inOrder: (listing, place) => table().inOrder(listing, place),
      valuesOf: (listing) => table().valuesOf(listing),
    }
  }

  get<R extends object>(collection: Collection<R>, key: string): R | undefined {
    return this.read(collection, key) as R | undefined
  }

  /** {@link get} for code that does not care about the record's type. */
  read(collection: AnyCollection, key: string): object | undefined {
    this.#noteRead(collection, key)
    return this.#table(collection).get(key)
  }

  /** The records that were asked for one by one, there or not. Walks over a whole collection are not among them. */
  get reads(): readonly RecordRead[] {
    return [...this.#reads.values()]
  }

  /** The look-ups in unique indexes that found nothing. */
  get misses(): readonly IndexMiss[] {
    return this.#misses
  }

  /** Creates or replaces a record. Putting the very object that is there already is no change. */
  put<R extends object>(collection: Collection<R>, record: R): void {
    this.#write(collection, collection.keyOf(record), record)
  }

  /** Deletes a record; nothing happens when there is none. */
  delete<R extends object>(collection: Collection<R>, key: string): void {
    this.#write(collection, key, undefined)
  }

  /** Puts a record, or with undefined its absence, as the log or another replica has it. */
  restore(collection: AnyCollection, key: string, record: object | undefined): void {
    this.#write(collection, key, record)
  }

  /** Says why the edits from here on are made and by which part, for commands whose parts have reasons of their own; null for no such reason. */
  because(reason: string | null, part = 0): void {
    this.#reason = reason
    this.#part = part
  }

  /**
   * What this draft changes, in the order of first touch. A record that ended as it began is not among them. One that was
   * deleted and made again is two objects: the end of one, then the beginning of the other.
   */
  changes(): readonly DraftChange[] {
    this.#changes ??= [...this.#touched.values()].flatMap((touched) => this.#changesOf(touched))
    return this.#changes
  }

  /** {@link changes} of a draft that may have touched many records, and is not edited meanwhile. */
  async changesInSlices(): Promise<readonly DraftChange[]> {
    this.#changes ??= (await mapInSlices([...this.#touched.values()], (touched) => this.#changesOf(touched))).flat()
    return this.#changes
  }

  /** The state with this draft's edits in it, at `position`. The draft must not be used afterwards. */
  toSnapshot(position: SnapshotPosition): Snapshot {
    const tables = new Map(this.base.tables)
    for (const [name, table] of this.#tables) tables.set(name, table)
    return new Snapshot(position, tables)
  }

  #noteRead(collection: AnyCollection, key: string): void {
    const mark = `${collection.name}\u0000${key}`
    if (!this.#reads.has(mark)) this.#reads.set(mark, { collection, key })
  }

  #changesOf(touched: Touched): DraftChange[] {
    return changesOf(touched, this.#table(touched.collection).get(touched.key))
  }

  #table(collection: AnyCollection): Table {
    return this.#tables.get(collection.name) ?? this.base.table(collection.name)
  }

  #write(collection: AnyCollection, key: string, record: object | undefined): void {
    const before = this.#table(collection).get(key)
    if (before === record) return
    let table = this.#tables.get(collection.name)
    if (!table) {
      table = this.base.table(collection.name).copy()
      this.#tables.set(collection.name, table)
    }
    const mark = `${collection.name}\u0000${key}`
    const part = this.#part
    const touched = this.#touched.get(mark) ?? { collection, key, before, reasons: new Set<string>(), part }
    const isMadeAnew = touched.before !== undefined && before === undefined
    const { reasons, end = isMadeAnew ? { reasons, part: touched.part } : undefined } = touched
    const now = { ...touched, part, reasons: isMadeAnew ? new Set<string>() : reasons, ...(end && { end }) }
    if (this.#reason !== null) now.reasons.add(this.#reason)
    this.#touched.set(mark, now)
    this.#changes = undefined
    table.set(key, record)
  }
}

/** What a draft does to a record that is `after` in the end. */
function changesOf({ collection, key, before, reasons, part, end }: Touched, after: object | undefined): DraftChange[] {
  if (before === after) return []
  const place = { collection, key }
  if (!before || !after || !end) {
    const reason = joinReasons(new Set([...(end?.reasons ?? []), ...reasons]))
    return [{ ...place, record: after, reason, part, ...imagesOf(collection, before, after) }]
  }
  return [
    { ...place, record: undefined, reason: joinReasons(end.reasons), part: end.part, ...imagesOf(collection, before, undefined) },
    { ...place, record: after, reason: joinReasons(reasons), part, ...imagesOf(collection, undefined, after) },
  ]
}

/** All reasons together, as short as one has to be. */
export function joinReasons(reasons: ReadonlySet<string>): string | null {
  return reasons.size === 0 ? null : [...reasons].join('; ').slice(0, MAX_REASON_LENGTH).toWellFormed()
}

function imagesOf(
  collection: AnyCollection,
  before: object | undefined,
  after: object | undefined,
): Pick<DraftChange, 'id' | 'action' | 'before' | 'after'> {
  return {
    id: collection.idOf((after ?? before) as object),
    action: before ? (after ? 'UPDATE' : 'DELETE') : 'CREATE',
    before: before ? collection.imageOf(before) : null,
    after: after ? collection.imageOf(after) : null,
  }
}
