import type { ChangeLog, ChangeLogFilter, ChangePosition } from '../ledger/change-log.js'
import type { ChangeRecord } from '../state/change.js'
import { decodeCursor, notACursor, type Page, type PageArgs, pageSize, toPage } from './connection.js'

/** Names this list in its cursors. */
const LIST = 'Change'

/** One page of the change log, newest first. */
export async function pageOfChanges(changeLog: ChangeLog, filter: ChangeLogFilter, args: PageArgs): Promise<Page<ChangeRecord>> {
  const size = pageSize(args)
  const after = args.after ? positionOf(args.after) : undefined
  const items = size === 0 ? [] : await changeLog.page(filter, { take: size + 1, after })
  return toPage(items, {
    list: LIST,
    size,
    hasPrevious: after !== undefined,
    cursorOf: ({ id }) => id,
    totalCount: () => changeLog.count(filter),
  })
}

function positionOf(cursor: string): ChangePosition {
  const [, revision, ordinal] = /^(\d{1,9})\.(\d{1,6})$/.exec(decodeCursor(LIST, cursor)) ?? []
  if (revision === undefined || ordinal === undefined) throw notACursor()
  return { revision: Number(revision), ordinal: Number(ordinal) }
}
