import { AppError } from '../contract/errors.js'
import { slicedRows, type WalkTools } from '../integrity/pages.js'
import type { ChangeLog, ChangePosition } from '../ledger/change-log.js'
import { type ChangeTarget, markOf } from '../state/change.js'
import type { SnapshotPosition } from '../state/snapshot.js'

/** Places in the log that are read at a time: without images, a row is some hundred bytes. */
const PLACES = { shared: 1_000, embedded: 250 }

/** What looks back in time: the log, and what long walks are done with. */
export interface HistoryTools extends WalkTools {
  readonly changeLog: ChangeLog
}

/** Where a change stands, and the id of the object that it is of. */
interface Place extends ChangePosition {
  readonly targetId: string
}

/** The first and the last change of one record in a part of the log. */
export interface Span extends ChangeTarget {
  readonly pack: string
  readonly first: Place
  last: Place
}

/** A part of the log: the changes of revisions above `since`, up to and with `until`. */
export interface Stretch {
  readonly since: number
  readonly until: number
  /** Most records that are found before the walk ends. */
  readonly limit?: number
}

interface PlaceRow extends ChangeTarget, Place {
  readonly pack: string
}

/**
 * The records that a part of the log has changes of, each with its first and its last one there: what it was at the beginning is
 * the first one's `before`, what it was at the end is the last one's `after`. Walks over every change of the part, without its
 * images, and lets others have their turn: some seconds for a million changes.
 */
export async function spansOf(tools: HistoryTools, { since, until, limit }: Stretch): Promise<ReadonlyMap<string, Span>> {
  const size = tools.database.isShared ? PLACES.shared : PLACES.embedded
  const text = `SELECT target_type AS "targetType", target_key AS "targetKey", target_id AS "targetId", pack, revision, ordinal FROM changes
    WHERE (revision, ordinal) > ($1, $2) AND revision <= $3 ORDER BY revision, ordinal LIMIT ${size}`
  // Behind every change of the revision `since`.
  const start = { revision: since + 1, ordinal: -1 }
  const asking = (last: ChangePosition | undefined) => {
    const { revision, ordinal } = last ?? start
    return { text, values: [revision, ordinal, until] }
  }
  const spans = new Map<string, Span>()
  for await (const { targetType, targetKey, pack, ...place } of slicedRows<PlaceRow>(tools, asking, size)) {
    const mark = markOf({ targetType, targetKey })
    const span = spans.get(mark)
    if (span) span.last = place
    else spans.set(mark, { targetType, targetKey, pack, first: place, last: place })
    if (spans.size === limit) break
  }
  return spans
}

/**
 * Throws BAD_USER_INPUT unless the log leads from `revision` to `head`. To be asked behind a walk: what was taken away before it
 * came by is known to be missing then.
 */
export async function demandReached({ changeLog }: HistoryTools, revision: number, head: SnapshotPosition): Promise<void> {
  await changeLog.demandSame(head)
  const { start } = await changeLog.bounds()
  if (revision < start.revision) throw new AppError('BAD_USER_INPUT', forgotten(revision, start.revision), oldest(start.revision))
}

/** Says that a revision is so old that the log does not lead to it any more. */
export function forgotten(revision: number, oldestRevision: number): string {
  return `The log does not lead back to revision ${revision} any more: what came up to revision ${oldestRevision} was taken away. The oldest state that can be told is that of revision ${oldestRevision}.`
}

function oldest(oldestRevision: number) {
  return { extensions: { oldestRevision } }
}
