import { AppError } from '../../contract/errors.js'
import { type Collection, placeIn, type View } from '../../state/collection.js'
import type { Snapshot } from '../../state/snapshot.js'
import { walk } from '../bounds/turns.js'
import { type Page, type PageArgs, pageOfRows, pageOfView } from '../connection.js'

/** Most keys that one filter may name. */
const MAX_KEYS = 1_000

/** Records in some order, each at a place of its own: a page begins behind a place, whatever has come and gone since. */
export interface Order<R> {
  /** Names the order in its cursors. */
  readonly name: string
  placeOf(record: R): string
  /** Records with their places, behind `place` when it is given. */
  behind(place?: string): Iterator<readonly [place: string, record: R]>
}

/** The order of one of the collection's listings. */
export function orderOf<R extends object>(snapshot: Snapshot, collection: Collection<R>, listing: string): Order<R> {
  const listedUnder = collection.listings?.[listing]
  if (!listedUnder) throw new TypeError(`${collection.name} has no listing ${listing}`)
  return {
    name: listing,
    placeOf: (record) => placeIn(listedUnder(record), collection.keyOf(record)),
    behind: (place) => snapshot.view(collection).inOrder(listing, place),
  }
}

/** Which records of a collection are meant, and in which order. */
export interface OrderedQuery<R> {
  readonly args: PageArgs
  /** Left out: in the order of their keys. */
  readonly order?: Order<R> | undefined
  /** Only those with these keys; those that do not exist are left out. */
  readonly keys?: readonly string[] | null | undefined
  /** Only those whose keys begin with this. */
  readonly prefix?: string | null | undefined
  /** Only what one of the collection's listings has under a value. */
  readonly within?: { readonly listing: string; readonly value: string } | undefined
  /** What else has to hold. */
  readonly matches?: ((record: R) => boolean) | undefined
}

/** One page of a collection in some order. Looks at no more than it has to, and at many records in turns of the event loop. */
export function pageInOrder<R extends object>(
  snapshot: Snapshot,
  collection: Collection<R>,
  query: OrderedQuery<R>,
): Page<R> | Promise<Page<R>> {
  const { args, order, keys, prefix, within, matches } = query
  if (!order && !keys && !prefix) return pageOfView(snapshot, collection, { args, matches, within })
  const recordsBehind = sourceOf(snapshot.view(collection), collection, query)
  const listedUnder = within && collection.listings?.[within.listing]
  const isMeant = (record: R): boolean =>
    (!within || listedUnder?.(record) === within.value) &&
    (!prefix || collection.keyOf(record).startsWith(prefix)) &&
    (!matches || matches(record))
  // An order can move on while the page is put together: what counts is where a record was found.
  const places = new Map<R, string>()
  return pageOfRows<R, string>(args, {
    list: order ? `${collection.name}/${order.name}` : collection.name,
    cursorOf: (record) => places.get(record) ?? '',
    placeOf: (text) => text,
    async rows(take, after) {
      await walk(recordsBehind(after), ([place, record]) => {
        if (isMeant(record)) places.set(record, place)
        return places.size < take
      })
      return [...places.keys()]
    },
    async totalCount() {
      let count = 0
      await walk(recordsBehind(), ([, record]) => {
        if (isMeant(record)) count += 1
        return true
      })
      return count
    },
  })
}

type Source<R> = (place?: string) => Iterator<readonly [place: string, record: R]>

/** The records among which a query's are, as few as can be found at once. */
function sourceOf<R extends object>(view: View<R>, collection: Collection<R>, { order, keys, prefix }: OrderedQuery<R>): Source<R> {
  if (keys) {
    if (keys.length > MAX_KEYS)
      throw new AppError('BAD_USER_INPUT', `The filter's \`keys\` may name ${MAX_KEYS} at most, names ${keys.length}.`)
    const placeOf = order?.placeOf ?? collection.keyOf
    const found = [...new Set(keys)].flatMap((key) => view.get(key) ?? []).map((record) => [placeOf(record), record] as const)
    found.sort(([a], [b]) => (a < b ? -1 : 1))
    return (place) => found.filter(([each]) => place === undefined || each > place).values()
  }
  if (order) return (place) => order.behind(place)
  return (place) => keysFrom(view, prefix ?? '', { place, collection })
}

/** The records whose keys begin with a prefix, in the order of their keys. */
function* keysFrom<R extends object>(
  view: View<R>,
  prefix: string,
  { place = '', collection }: { readonly place: string | undefined; readonly collection: Collection<R> },
): Generator<readonly [place: string, record: R]> {
  const whole = view.get(prefix)
  if (whole && place < prefix) yield [prefix, whole]
  for (const record of view.values(place > prefix ? place : prefix)) {
    const key = collection.keyOf(record)
    if (!key.startsWith(prefix)) return
    yield [key, record]
  }
}
