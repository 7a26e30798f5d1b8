import type { ClassType } from 'type-graphql'
import { ArgsType, Field, Int, ObjectType } from 'type-graphql'
import { AppError } from '../contract/errors.js'
import type { Collection } from '../state/collection.js'
import type { Snapshot } from '../state/snapshot.js'
import { walk } from './bounds/turns.js'

/** Largest page. */
export const MAX_PAGE = 100
/** How many items a page has whose size nobody says. */
export const USUAL_PAGE = 20

/** Where a page stands in its list. */
@ObjectType('PageInfo', { simpleResolvers: true, description: 'Where this page stands in its list (Relay cursor connections).' })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether there is more behind this page: ask again with `after: endCursor`.' })
  hasNextPage!: boolean
  @Field(() => Boolean, { description: 'Whether there is something before this page.' })
  hasPreviousPage!: boolean
  @Field(() => String, { nullable: true, description: 'Cursor of the first item; null on an empty page.' })
  startCursor!: string | null
  @Field(() => String, { nullable: true, description: 'Cursor of the last item; null on an empty page.' })
  endCursor!: string | null
}

/** The arguments of every connection. */
@ArgsType()
export class PageArgs {
  @Field(() => Int, { nullable: true, defaultValue: USUAL_PAGE, description: `How many items, 0 to ${MAX_PAGE}.` })
  first?: number | null
  @Field(() => String, { nullable: true, description: 'Begin behind this cursor (the `endCursor` of the page before).' })
  after?: string | null
}

/** One page of a list. `totalCount` is only counted when somebody asks for it. */
export interface Page<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[]
  readonly nodes: readonly T[]
  readonly pageInfo: PageInfo
  readonly totalCount: () => number | Promise<number>
}

/** Makes the connection and edge types of a node, as Relay's specification has them, and `nodes` for those who need no cursors. */
export function connectionOf(node: ClassType<object>, name: string): ClassType<Page<unknown>> {
  @ObjectType(`${name}Edge`, { simpleResolvers: true, description: `One ${name} in a list, with its cursor.` })
  class Edge {
    @Field(() => String, { description: 'Marks this place in the list.' })
    cursor!: string

    @Field(() => node, { description: 'The item itself.' })
    node!: unknown
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: `One page of a list of ${name} objects.` })
  class Connection {
    @Field(() => [Edge], { description: 'The items with their cursors.' })
    edges!: readonly { readonly cursor: string; readonly node: unknown }[]

    @Field(() => [node], { description: 'The items alone.' })
    nodes!: readonly unknown[]

    @Field(() => PageInfo, { description: 'Where this page stands.' })
    pageInfo!: PageInfo

    @Field(() => Int, { description: 'How many items the filter matches in all; counted only when asked for.' })
    totalCount!: () => number | Promise<number>
  }
  return Connection as ClassType<Page<unknown>>
}

/** Opaque cursor of a place in a list; it names the list, so that no other takes it for one of its own. */
export function encodeCursor(list: string, place: string): string {
  return Buffer.from(`${list}:${place}`).toString('base64url')
}

/** What a page is to begin behind; undefined at the beginning. Throws BAD_USER_INPUT when the cursor is not one of this list. */
function placeBefore<P>({ after }: PageArgs, { list, placeOf }: Pick<Listing<never, P>, 'list' | 'placeOf'>): P | undefined {
  if (!after) return undefined
  const text = Buffer.from(after, 'base64url')
    .toString()
    .slice(list.length + 1)
  const place = encodeCursor(list, text) === after ? placeOf(text) : undefined
  if (place !== undefined) return place
  const message = 'The argument `after` is not a cursor of this list; pass an `endCursor` or `cursor` as it was given.'
  throw new AppError('BAD_USER_INPUT', message)
}

/** The asked-for page size; throws BAD_USER_INPUT when it is out of bounds. */
export function pageSize({ first }: Pick<PageArgs, 'first'>): number {
  const size = first ?? USUAL_PAGE
  if (size < 0 || size > MAX_PAGE)
    throw new AppError('BAD_USER_INPUT', `The argument \`first\` must be between 0 and ${MAX_PAGE}, is ${size}.`)
  return size
}

/** A list that is given out in pages. */
interface Listing<T, P> {
  /** Names the list in its cursors. */
  readonly list: string
  /** The place of an item, as its cursor has it. */
  cursorOf(item: T): string
  /** The place that a cursor holds; undefined when it holds none. */
  placeOf(text: string): P | undefined
  totalCount(): number | Promise<number>
}

/**
 * One page of rows of the database; `rows` gives at most `take` of them, in the order of the list, beginning behind `after`. It is
 * asked for one more, which tells whether there is more behind the page.
 */
export async function pageOfRows<T, P>(
  args: PageArgs,
  listing: Listing<T, P> & { rows(take: number, after: P | undefined): Promise<readonly T[]> },
): Promise<Page<T>> {
  const [size, after] = [pageSize(args), placeBefore(args, listing)]
  return toPage(await listing.rows(size + 1, after), { ...listing, size, hasPrevious: after !== undefined })
}

/** Builds a page from `size + 1` items. */
function toPage<T>(
  items: readonly T[],
  page: Pick<Listing<T, never>, 'list' | 'cursorOf' | 'totalCount'> & { readonly size: number; readonly hasPrevious: boolean },
): Page<T> {
  const nodes = items.slice(0, page.size)
  const edges = nodes.map((node) => ({ cursor: encodeCursor(page.list, page.cursorOf(node)), node }))
  return {
    edges,
    nodes,
    pageInfo: {
      hasNextPage: items.length > page.size,
      hasPreviousPage: page.hasPrevious,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: page.totalCount,
  }
}

/** Which records of a collection are meant. */
interface ViewQuery<R> {
  readonly args: PageArgs
  /** Left out when every record is meant. */
  readonly matches?: ((record: R) => boolean) | undefined
  /** The part of the collection to look in: what one of its listings has under a value. */
  readonly within?: { readonly listing: string; readonly value: string } | undefined
}

/**
 * One page of the records of a collection, in key order. There at once, unless many records have to be looked at: that is done in
 * turns of the event loop, on the same snapshot throughout.
 */
export function pageOfView<R extends object>(
  snapshot: Snapshot,
  collection: Collection<R>,
  { args, matches, within }: ViewQuery<R>,
): Page<R> | Promise<Page<R>> {
  const [view, list] = [snapshot.view(collection), collection.name]
  const [size, after] = [pageSize(args), placeBefore(args, { list, placeOf: (key) => key })]
  const recordsBehind = (key?: string): IterableIterator<R> => (within ? view.listed(within.listing, within.value, key) : view.values(key))
  const isMeant = (record: R): boolean => !matches || matches(record)
  const totalCount = (): number | Promise<number> => {
    if (!matches && !within) return view.size
    let count = 0
    const counting = walk(recordsBehind(), (record) => {
      if (isMeant(record)) count += 1
      return true
    })
    return counting === undefined ? count : counting.then(() => count)
  }
  const items: R[] = []
  const page = (): Page<R> => toPage(items, { list, size, hasPrevious: after !== undefined, cursorOf: collection.keyOf, totalCount })
  const walking = walk(recordsBehind(after), (record) => !isMeant(record) || items.push(record) <= size)
  return walking === undefined ? page() : walking.then(page)
}
