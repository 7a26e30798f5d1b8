import type { Past } from '../contract/write.js'
import type { AnyCollection } from '../state/collection.js'
import type { Snapshot } from '../state/snapshot.js'

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
  { changeLog }: Pick<Past, 'changeLog'>,
  collection: AnyCollection,
  { name, snapshot, sinceRevision }: Calling,
): Promise<readonly string[]> {
  const { titleOf } = collection
  if (!titleOf) return [name]
  const table = snapshot.table(collection.name)
  if (table.get(name)) return [name]
  const keys = new Set<string>()
  for (const record of table.values()) if (titleOf(collection.imageOf(record)) === name) keys.add(collection.keyOf(record))
  for await (const { targetKey, before } of changeLog.stream({ targetType: collection.name, action: 'DELETE', sinceRevision }))
    if (before && (targetKey === name || titleOf(before) === name)) keys.add(targetKey)
  return [...keys]
}
