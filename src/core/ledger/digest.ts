import { createHmac } from 'node:crypto'
import type { ChangeRecord } from '../state/change.js'
import type { SnapshotPosition } from '../state/snapshot.js'
import { canonicalJson } from '../values/json.js'

/** The digest before the first change. */
export const GENESIS_DIGEST = '0'.repeat(64)

/**
 * The next link of the chain: HMAC-SHA-256 (RFC 2104) keyed with `key`, over the previous digest and the canonical JSON of
 * everything that the change's row holds but the digest itself. Hex, 64 characters.
 */
export function nextDigest(key: string, previous: string, change: Omit<ChangeRecord, 'digest'>): string {
  const { revision, ordinal, pack, targetType, targetId, targetKey, action, before, after } = change
  const { operation, reason, actor, correlationId, at, isRevertible } = change
  const content = [revision, ordinal, pack, targetType, targetId, targetKey, action, before, after, operation, reason]
  const authorship = [actor.id, actor.name, actor.clientType, correlationId, at.toISOString(), isRevertible]
  return createHmac('sha256', key)
    .update(previous)
    .update('\n')
    .update(canonicalJson([...content, ...authorship]))
    .digest('hex')
}

/** What a walk over the chain found. */
export interface ChainVerdict {
  readonly isIntact: boolean
  /** How many revisions were walked over. */
  readonly checkedRevisions: number
  /** The first revision whose rows, order or digests are not what was written; null when all are. */
  readonly firstBrokenRevision: number | null
}

/** Where the chain says that it ends, and where a walk begins. */
export interface ChainBounds {
  /** Revision and digest that the first change builds on: genesis, or a checkpoint. */
  readonly start: SnapshotPosition
  /** What the head row says. */
  readonly head: SnapshotPosition
  /** The lowest revision of a row that stands where no walk comes by: at or before the start, or behind the head. */
  readonly outsideRevision?: number | null
}

type Changes = AsyncIterable<ChangeRecord> | Iterable<ChangeRecord>

/**
 * Walks over changes in order and compares every link. Finds each edited, deleted, inserted and swapped row, a cut tail and
 * a gap between revisions, in memory that does not grow with the log; and rows outside of the bounds, which count as broken.
 */
export async function verifyChain(key: string, bounds: ChainBounds, changes: Changes): Promise<ChainVerdict> {
  const walked = await walkChain(key, bounds, changes)
  const outside = bounds.outsideRevision ?? null
  if (outside === null) return walked
  return { ...walked, isIntact: false, firstBrokenRevision: Math.min(outside, walked.firstBrokenRevision ?? outside) }
}

async function walkChain(key: string, bounds: ChainBounds, changes: Changes): Promise<ChainVerdict> {
  let { revision, digest } = bounds.start
  let ordinal = -1
  let checkedRevisions = 0
  for await (const change of changes) {
    const isNextOrdinal = change.revision === revision && ordinal >= 0 && change.ordinal === ordinal + 1
    const isNextRevision = change.revision === revision + 1 && change.ordinal === 0
    digest = nextDigest(key, digest, change)
    if (!(isNextOrdinal || isNextRevision) || digest !== change.digest) {
      // A missing row shows at the one that follows it: name the revision that should have come.
      const expected = isNextRevision || isNextOrdinal ? change.revision : Math.min(change.revision, revision + 1)
      return { isIntact: false, checkedRevisions, firstBrokenRevision: expected }
    }
    if (isNextRevision) checkedRevisions += 1
    revision = change.revision
    ordinal = change.ordinal
  }
  const isWhole = revision === bounds.head.revision && digest === bounds.head.digest
  return { isIntact: isWhole, checkedRevisions, firstBrokenRevision: isWhole ? null : Math.min(revision + 1, bounds.head.revision) }
}
