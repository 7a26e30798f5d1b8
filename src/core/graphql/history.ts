import type { ChangeLog } from '../ledger/change-log.js'
import type { ChangeRecord } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import { pageOfChanges } from './change-pages.js'
import type { Page, PageArgs } from './connection.js'
import type { RequestContext } from './context.js'

/** The newest change of a record; asked for once for all records of an answer. */
export function lastChangeOf(context: RequestContext, collection: AnyCollection, record: object): Promise<ChangeRecord | null> {
  return context.loaders.lastChange.load({ targetType: collection.name, targetKey: collection.keyOf(record) })
}

/** All changes of a record's key, newest first: a record that was deleted and made again has one history. */
export function historyOf(
  changeLog: ChangeLog,
  of: { collection: AnyCollection; record: object },
  args: PageArgs,
): Promise<Page<ChangeRecord>> {
  const { collection, record } = of
  return pageOfChanges(changeLog, { targetType: collection.name, targetKey: collection.keyOf(record) }, args)
}
