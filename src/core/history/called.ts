import { mapInSlices } from '../platform/slices.js'
import type { AnyCollection } from '../state/collection.js'
import type { Snapshot, Table } from '../state/snapshot.js'
import type { JsonObject } from '../values/json.js'
import { findChanges } from './log-search.js'
import type { HistoryTools } from './log-spans.js'

/** Most deleted objects of a type whose names are looked at, the newest first. */
export const MAX_GONE = 10_000

/** A time since when an object may have been called something. */
interface Calling {
  readonly name: string
  readonly snapshot: Snapshot
  /** Also those that were deleted after this revision. */
  readonly sinceRevision: number
}

/** The records that are called something. */
export interface CalledKeys {
  readonly keys: readonly string[]
  /** Whether more were deleted since than are looked at: one of these may have been called so. */
  readonly isCut: boolean
}

interface Named {
  readonly key: string
  /** The revision that deleted it; infinite while it is there. */
  readonly goneAt: number
}

/** What is known of the names in a collection. */
interface Names {
  /** The records that were looked at. */
  readonly table: Table
  readonly byName: Map<string, Named[]>
  /** Deletions after this revision are known, as far as they are looked at. */
  goneSince: number
  goneCount: number
  /** Where too many were deleted: the revision of the oldest deletion that was looked at. */
  cutAt: number
}

/** What records are called: read once for all that is asked about, since a title is known once there is an image. */
export class CalledNames {
  readonly #tools: HistoryTools
  readonly #names = new Map<string, Names>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(tools: HistoryTools) {
    this.#tools = tools
  }

  /**
   * Keys of the records of a collection that people call so: by their title where they have one, else by their key. Also by the key
   * where they have a title, since several may share that; and those that are gone by what they were called in the end.
   */
  async keysCalled(collection: AnyCollection, calling: Calling): Promise<CalledKeys> {
    const { name, snapshot, sinceRevision } = calling
    if (!isTitled(collection) || snapshot.table(collection.name).get(name)) return { keys: [name], isCut: false }
    // Who asks at the same time waits for what is being read, rather than reading it as well.
    const reading = this.#last.then(() => this.#read(collection, calling))
    this.#last = reading.catch(() => undefined)
    const { byName, cutAt } = await reading
    const called = (byName.get(name) ?? []).filter(({ goneAt }) => goneAt > sinceRevision)
    return { keys: [...new Set(called.map(({ key }) => key))], isCut: sinceRevision < cutAt }
  }

  async #read(collection: TitledCollection, { snapshot, sinceRevision }: Calling): Promise<Names> {
    const table = snapshot.table(collection.name)
    let names = this.#names.get(collection.name)
    if (names?.table !== table) {
      names = { table, byName: new Map(), goneSince: Number.POSITIVE_INFINITY, goneCount: 0, cutAt: 0 }
      await addThere(names, collection)
      this.#names.set(collection.name, names)
    }
    if (sinceRevision < names.goneSince) await this.#addGone(names, collection, sinceRevision)
    return names
  }

  /** Adds those that were deleted after a revision, and that are not known yet. */
  async #addGone(names: Names, collection: TitledCollection, sinceRevision: number): Promise<void> {
    const { database, changeLog } = this.#tools
    const untilRevision = Number.isFinite(names.goneSince) ? names.goneSince : null
    const filter = { targetType: collection.name, action: 'DELETE', sinceRevision, untilRevision } as const
    const gone = await findChanges(database, filter, { take: MAX_GONE - names.goneCount })
    for (let read = 0; read < gone.length; ) {
      const images = await changeLog.imagesOf(gone.slice(read).map(({ revision, ordinal }) => ({ revision, ordinal, side: 'before' })))
      await mapInSlices(images, ({ image }, index) => {
        const { targetKey: key, revision: goneAt } = gone[read + index] ?? { targetKey: '', revision: 0 }
        addName(names, key, { key, goneAt })
        if (image) addName(names, collection.titleOf(image), { key, goneAt })
      })
      read += images.length
    }
    names.goneSince = sinceRevision
    names.goneCount += gone.length
    if (names.goneCount === MAX_GONE) names.cutAt = gone.at(-1)?.revision ?? names.cutAt
  }
}

type TitledCollection = AnyCollection & { titleOf(image: JsonObject): string }

function isTitled(collection: AnyCollection): collection is TitledCollection {
  return collection.titleOf !== undefined
}

async function addThere(names: Names, collection: TitledCollection): Promise<void> {
  await mapInSlices(names.table.values(), (record) =>
    addName(names, collection.titleOf(collection.imageOf(record)), { key: collection.keyOf(record), goneAt: Number.POSITIVE_INFINITY }),
  )
}

function addName({ byName }: Names, name: string, named: Named): void {
  const known = byName.get(name)
  if (known) known.push(named)
  else byName.set(name, [named])
}

/** The names that one call asks about. */
export const calledNames = ({ core }: { readonly core: HistoryTools }): CalledNames => new CalledNames(core)
