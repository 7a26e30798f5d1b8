import sorted from 'sorted-btree'
import { type AnyCollection, type Collection, placeIn, type View } from './collection.js'

// A CommonJS package with a `default` property: to Node's ESM its default import is the whole module.
type Tree<V> = InstanceType<typeof sorted.default<string, V>>
const Tree = sorted.default

interface TableParts {
  readonly records: Tree<object>
  /** Keys of records by the values of unique indexes. */
  readonly indexes: ReadonlyMap<string, Tree<string>>
  /** Keys of records by what they are listed under and the key itself. */
  readonly listings: ReadonlyMap<string, Tree<string>>
}

const treesOf = (names: object = {}): ReadonlyMap<string, Tree<string>> =>
  new Map(Object.keys(names).map((name) => [name, new Tree<string, string>()]))
const clonesOf = (trees: ReadonlyMap<string, Tree<string>>): ReadonlyMap<string, Tree<string>> =>
  new Map([...trees].map(([name, tree]) => [name, tree.clone()]))

/**
 * The records of one collection: B+ trees that share their unchanged nodes with the table they were copied from, so that
 * a copy costs nothing and an edit costs the path to it, however many records there are.
 */
export class Table implements View<object> {
  readonly #collection: AnyCollection
  readonly #records: Tree<object>
  readonly #indexes: ReadonlyMap<string, Tree<string>>
  readonly #listings: ReadonlyMap<string, Tree<string>>

  constructor(collection: AnyCollection, parts?: TableParts) {
    this.#collection = collection
    this.#records = parts?.records ?? new Tree<string, object>()
    this.#indexes = parts?.indexes ?? treesOf(collection.indexes)
    this.#listings = parts?.listings ?? treesOf(collection.listings)
  }

  get size(): number {
    return this.#records.size
  }

  get(key: string): object | undefined {
    return this.#records.get(key)
  }

  find(index: string, value: string): object | undefined {
    const key = this.#indexes.get(index)?.get(value)
    return key === undefined ? undefined : this.#records.get(key)
  }

  *values(afterKey?: string): IterableIterator<object> {
    for (const [key, record] of this.#records.entries(afterKey)) if (key !== afterKey) yield record
  }

  *listed(listing: string, value: string, afterKey = ''): IterableIterator<object> {
    const [before, prefix] = [placeIn(value, afterKey), placeIn(value, '')]
    for (const [place, key] of this.#listings.get(listing)?.entries(before) ?? []) {
      if (!place.startsWith(prefix)) return
      if (place !== before) yield this.#records.get(key) as object
    }
  }

  *inOrder(listing: string, behind = ''): IterableIterator<readonly [place: string, record: object]> {
    for (const [place, key] of this.#listings.get(listing)?.entries(behind) ?? [])
      if (place !== behind) yield [place, this.#records.get(key) as object]
  }

  *valuesOf(listing: string): IterableIterator<string> {
    const tree = this.#listings.get(listing)
    let place = tree?.minKey()
    while (place !== undefined) {
      const value = place.slice(0, place.indexOf(placeIn('', '')))
      yield value
      // Behind every place that begins with this value: the least of those that do not.
      place = tree?.getPairOrNextHigher(`${value}\u0001`)?.[0]
    }
  }

  /** A table that can be edited without this one noticing. */
  copy(): Table {
    return new Table(this.#collection, {
      records: this.#records.clone(),
      indexes: clonesOf(this.#indexes),
      listings: clonesOf(this.#listings),
    })
  }

  /** Puts (or with undefined removes) the record of a key. Only on a copy that nobody else holds yet. */
  set(key: string, record: object | undefined): void {
    const before = this.#records.get(key)
    for (const [name, valuesOf] of Object.entries(this.#collection.indexes ?? {})) {
      const tree = this.#indexes.get(name) as Tree<string>
      // An entry that another record has taken over meanwhile is that one's: a follower puts records in no order.
      if (before) for (const value of valuesOf(before as never)) if (tree.get(value) === key) tree.delete(value)
      if (record) for (const value of valuesOf(record as never)) tree.set(value, key)
    }
    for (const [name, listedUnder] of Object.entries(this.#collection.listings ?? {})) {
      const [from, to] = [before, record].map((of) => of && placeIn(listedUnder(of as never), key))
      if (from === to) continue
      const tree = this.#listings.get(name) as Tree<string>
      if (from !== undefined) tree.delete(from)
      if (to !== undefined) tree.set(to, key)
    }
    if (record) this.#records.set(key, record)
    else this.#records.delete(key)
  }
}

/** Where a snapshot stands. */
export interface SnapshotPosition {
  readonly revision: number
  /** Digest of the newest change, in hex. */
  readonly digest: string
}

/** The whole state at one revision, read-only. */
export class Snapshot implements SnapshotPosition {
  readonly revision: number
  readonly digest: string
  readonly #tables: ReadonlyMap<string, Table>

  constructor(position: SnapshotPosition, tables: ReadonlyMap<string, Table>) {
    this.revision = position.revision
    this.digest = position.digest
    this.#tables = tables
  }

  /** A snapshot without any record. */
  static empty(collections: readonly AnyCollection[], position: SnapshotPosition): Snapshot {
    return new Snapshot(position, new Map(collections.map((collection) => [collection.name, new Table(collection)])))
  }

  /** The records of a collection. */
  view<R extends object>(collection: Collection<R>): View<R> {
    return this.table(collection.name) as unknown as View<R>
  }

  /** The tables by collection name, for whoever builds the next snapshot. */
  get tables(): ReadonlyMap<string, Table> {
    return this.#tables
  }

  /** The table of a collection by its name, for whoever builds the next snapshot. */
  table(name: string): Table {
    const table = this.#tables.get(name)
    if (!table) throw new Error(`collection ${name} is not part of this state; add it to its pack`)
    return table
  }
}
