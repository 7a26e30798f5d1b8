import { GENESIS_DIGEST } from '../../src/core/ledger/digest.js'
import type { ChangeRecord } from '../../src/core/state/change.js'
import type { AnyCollection } from '../../src/core/state/collection.js'
import { Draft } from '../../src/core/state/draft.js'
import { Snapshot } from '../../src/core/state/snapshot.js'

/** The state that a log of changes, from the first one on, leads to. Secrets are not in the log, and so null in it. */
export function replay(collections: readonly AnyCollection[], changes: Iterable<ChangeRecord>): Snapshot {
  const byName = new Map(collections.map((collection) => [collection.name, collection]))
  const draft = new Draft(Snapshot.empty(collections, { revision: 0, digest: GENESIS_DIGEST }))
  let position = { revision: 0, digest: GENESIS_DIGEST }
  for (const change of changes) {
    const collection = byName.get(change.targetType)
    if (!collection) throw new Error(`the log holds ${change.targetType}, which is no collection of this build`)
    draft.restore(collection, change.targetKey, change.after ? collection.fromImage(change.after) : undefined)
    position = { revision: change.revision, digest: change.digest }
  }
  return draft.toSnapshot(position)
}
