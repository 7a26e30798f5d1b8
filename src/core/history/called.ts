import type { AnyCollection } from '../state/collection.js'
import type { Snapshot } from '../state/snapshot.js'
import { findChanges } from './log-search.js'
import type { HistoryTools } from './log-spans.js'

/** Most deleted objects whose names are looked at, the newest first. */
const MAX_GONE = 10_000

/** A time since when an object may have been called something. */
interface Calling {
  readonly name: string
  readonly snapshot: Snapshot
  /** Also those that were deleted after this revision. */
  readonly sinceRevision: number
}

/**
 * Keys of the records of a collection that people call so: by their title where they have one, else by their key. Also by the key
 * where they have a title, since several may share that; and those that are gone by what they were called in the end.
 */
export async function keysCalled(
  { database, changeLog }: HistoryTools,
  collection: AnyCollection,
  { name, snapshot, sinceRevision }: Calling,
): Promise<readonly string[]> {
  const { titleOf } = collection
  if (!titleOf) return [name]
  const table = snapshot.table(collection.name)
  if (table.get(name)) return [name]
  const keys = new Set<string>()
  for (const record of table.values()) if (titleOf(collection.imageOf(record)) === name) keys.add(collection.keyOf(record))
  const gone = await findChanges(database, { targetType: collection.name, action: 'DELETE', sinceRevision }, { take: MAX_GONE })
  for (let read = 0; read < gone.length; ) {
    const images = await changeLog.imagesOf(gone.slice(read).map(({ revision, ordinal }) => ({ revision, ordinal, side: 'before' })))
    for (const [index, { image }] of images.entries()) {
      const key = gone[read + index]?.targetKey
      if (key !== undefined && (key === name || (image && titleOf(image) === name))) keys.add(key)
    }
    read += images.length
  }
  return [...keys]
}
