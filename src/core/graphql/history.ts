import DataLoader from 'dataloader'
import type { ChangeLogFilter, ChangePosition } from '../ledger/change-log.js'
import type { ChangeRecord } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import { type Page, type PageArgs, pageOfRows } from './connection.js'
import type { RequestContext } from './context.js'

/** The newest changes of records, asked for together. */
const lastChanges = ({ core }: RequestContext) =>
  new DataLoader<Pick<ChangeRecord, 'targetType' | 'targetKey'>, ChangeRecord | null, string>((targets) => core.changeLog.lastOf(targets), {
    cacheKeyFn: ({ targetType, targetKey }) => `${targetType}\u0000${targetKey}`,
    maxBatchSize: 100,
  })

/** The newest change of a record; asked for once for all records of an answer. */
export function lastChangeOf(context: RequestContext, collection: AnyCollection, record: object): Promise<ChangeRecord | null> {
  return context.once(lastChanges).load({ targetType: collection.name, targetKey: collection.keyOf(record) })
}

/** All changes of a record's key, newest first: a record that was deleted and made again has one history. */
export function historyOf(
  context: RequestContext,
  { collection, record }: { collection: AnyCollection; record: object },
  args: PageArgs,
): Promise<Page<ChangeRecord>> {
  return pageOfChanges(context, { targetType: collection.name, targetKey: collection.keyOf(record) }, args)
}

/** One page of the change log, newest first. */
export function pageOfChanges(
  { core: { changeLog } }: RequestContext,
  filter: ChangeLogFilter,
  args: PageArgs,
): Promise<Page<ChangeRecord>> {
  return pageOfRows(args, {
    list: 'Change',
    cursorOf: ({ id }) => id,
    placeOf: positionOf,
    rows: (take, after) => changeLog.page(filter, { take, after }),
    totalCount: () => changeLog.count(filter),
  })
}

function positionOf(text: string): ChangePosition | undefined {
  const [, revision, ordinal] = /^(\d{1,9})\.(\d{1,6})$/.exec(text) ?? []
  return revision && ordinal ? { revision: Number(revision), ordinal: Number(ordinal) } : undefined
}
