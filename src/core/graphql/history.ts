import DataLoader from 'dataloader'
import { countChanges, findChanges, isSearch, type LogSearch } from '../history/log-search.js'
import type { ChangePosition, ImagePlace, TargetPage } from '../ledger/change-log.js'
import { type ChangeEntry, type ChangeImages, type ChangeTarget, markOf } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import { answerBudget } from './bounds/answer-budget.js'
import { type Page, type PageArgs, pageOfRows } from './connection.js'
import type { RequestContext } from './context.js'

/** Records that are asked for with one statement: all of a page, and of the pages beside it. */
const RECORDS_PER_STATEMENT = 1_000
/** Images that are given out in one turn of the event loop. */
const IMAGES_PER_TURN = 200

type Image = ChangeImages['before']

const pageMarkOf = ({ target, take, after }: TargetPage): string => `${take} ${after?.revision}.${after?.ordinal} ${markOf(target)}`

/** The newest changes of records up to a revision, asked for together. */
const lastChanges = ({ core }: RequestContext) =>
  new DataLoader<TargetPage, ChangeEntry | null, string>(
    async (pages) => (await core.changeLog.pagesOf(pages)).map(([last]) => last ?? null),
    { cacheKeyFn: pageMarkOf, maxBatchSize: RECORDS_PER_STATEMENT },
  )

/** Pages of the histories of records, asked for together. */
const histories = ({ core }: RequestContext) =>
  new DataLoader<TargetPage, ChangeEntry[], string>((pages) => core.changeLog.pagesOf(pages), {
    cacheKeyFn: pageMarkOf,
    maxBatchSize: RECORDS_PER_STATEMENT,
  })

const historyCounts = ({ core }: RequestContext) =>
  new DataLoader<ChangeTarget, number, string>((targets) => core.changeLog.countsOf(targets), {
    cacheKeyFn: markOf,
    maxBatchSize: RECORDS_PER_STATEMENT,
  })

/** Images of changes, asked for together, and read one after the other until the answer can hold no more. */
const images = (context: RequestContext) => {
  const budget = context.once(answerBudget)
  const load = async (places: readonly ImagePlace[]): Promise<Image[]> => {
    const found: Image[] = []
    while (found.length < places.length && !budget.isSpent) {
      const read = await context.core.changeLog.imagesOf(places.slice(found.length))
      budget.load(read.reduce((sum, { bytes }) => sum + bytes, 0))
      found.push(...read.map(({ image }) => image))
    }
    return places.map((_, index) => found[index] ?? null)
  }
  let last: Promise<unknown> = Promise.resolve()
  const loadNext = (places: readonly ImagePlace[]): Promise<Image[]> => {
    const loading = last.then(() => load(places))
    last = loading.catch(() => undefined)
    return loading
  }
  const cacheKeyFn = ({ revision, ordinal, side }: ImagePlace): string => `${revision}.${ordinal} ${side}`
  return new DataLoader<ImagePlace, Image, string>(loadNext, { cacheKeyFn, maxBatchSize: IMAGES_PER_TURN })
}

/** What the record of a change was before or after it; read for all changes of an answer together, where it is still in the log. */
export function imageOf(
  context: RequestContext,
  change: ChangePosition & Partial<ChangeImages>,
  side: keyof ChangeImages,
): Image | Promise<Image> {
  const image = change[side]
  const { revision, ordinal } = change
  return image === undefined ? context.once(images).load({ revision, ordinal, side }) : image
}

/**
 * The change that left a record as it is in the context's snapshot: the log may already hold a newer one. Asked for once for all records
 * of an answer.
 */
export function lastChangeOf(context: RequestContext, collection: AnyCollection, record: object): Promise<ChangeEntry | null> {
  const target = { targetType: collection.name, targetKey: collection.keyOf(record) }
  const after = { revision: context.snapshot.revision + 1, ordinal: 0 }
  return context.once(lastChanges).load({ target, take: 1, after })
}

/**
 * All changes of a record's key, newest first: a record that was deleted and made again has one history. The pages of all records
 * of an answer are asked for together.
 */
export function historyOf(
  context: RequestContext,
  { collection, record }: { collection: AnyCollection; record: object },
  args: PageArgs,
): Promise<Page<ChangeEntry>> {
  const target = { targetType: collection.name, targetKey: collection.keyOf(record) }
  return pageOfRows(args, {
    ...LISTING,
    rows: (take, after) => context.once(histories).load({ target, take, after }),
    totalCount: () => context.once(historyCounts).load(target),
  })
}

/** What all pages of changes have in common. */
const LISTING = { list: 'Change', cursorOf: ({ id }: ChangeEntry) => id, placeOf: positionOf }

/** One page of the change log, newest first; where their images are asked for as well, small ones are read with the changes. */
export function pageOfChanges(
  { core }: RequestContext,
  { filter, isWithImages }: { filter: LogSearch; isWithImages: boolean },
  args: PageArgs,
): Promise<Page<ChangeEntry>> {
  return pageOfRows(args, {
    ...LISTING,
    rows: (take, after) =>
      isSearch(filter) ? findChanges(core.database, filter, { take, after }) : core.changeLog.page(filter, { take, after, isWithImages }),
    totalCount: async () => (await countChanges(core, filter)).changes,
  })
}

function positionOf(text: string): ChangePosition | undefined {
  const [, revision, ordinal] = /^(\d{1,9})\.(\d{1,6})$/.exec(text) ?? []
  return revision && ordinal ? { revision: Number(revision), ordinal: Number(ordinal) } : undefined
}
