import { createHmac } from 'node:crypto'
import type { ChangeRecord } from '../state/change.js'
import type { SnapshotPosition } from '../state/snapshot.js'
import { canonicalJson, type JsonObject } from '../values/json.js'

/** The digest before the first change. */
export const GENESIS_DIGEST = '0'.repeat(64)

/**
 * The next link of the chain: HMAC-SHA-256 (RFC 2104) keyed with `key`, over the previous digest and the canonical JSON of
 * everything that the change's row holds but the digest itself. Hex, 64 characters.
 */
export function nextDigest(key: string, previous: string, change: Omit<ChangeRecord, 'digest'>): string {
  const { revision, ordinal, pack, targetType, targetId, targetKey, action, before, after } = change
  const { operation, reason, actor, correlationId, at, isRevertible, seal, revertOf } = change
  const content = [revision, ordinal, pack, targetType, targetId, targetKey, action, before, after, operation, reason]
  const authorship = [actor.id, actor.name, actor.clientType, correlationId, at.toISOString(), isRevertible]
  // Older builds have linked their changes without a seal, and reverts like any other change.
  const added = [...(seal === null ? [] : [seal]), ...(revertOf === null ? [] : [{ revertOf }])]
  return linkOf(key, previous, [...content, ...authorship, ...added])
}

/** HMAC-SHA-256 keyed with `key` over the digest before a row of a chain and the canonical JSON of its content. Hex, 64 characters. */
export function linkOf(key: string, previous: string, content: readonly unknown[]): string {
  return createHmac('sha256', key).update(previous).update('\n').update(canonicalJson(content)).digest('hex')
}

/** HMAC-SHA-256 keyed with `key` over the canonical JSON of `content`; `what` keeps seals of different things apart. Hex, 64 characters. */
export function sealOf(key: string, what: string, content: readonly unknown[]): string {
  return createHmac('sha256', key)
    .update(canonicalJson([what, ...content]))
    .digest('hex')
}

/** The seal of a change: over its place and what it left of the record's secrets, null where it left no record. */
export function changeSeal(
  key: string,
  { revision, ordinal, targetType, targetKey }: Pick<ChangeRecord, 'revision' | 'ordinal' | 'targetType' | 'targetKey'>,
  secrets: JsonObject | null,
): string {
  return sealOf(key, 'record', [revision, ordinal, targetType, targetKey, secrets])
}

/** Where a shortened log begins, and what was kept of what went: see the table `ledger_checkpoint`. */
export interface Checkpoint extends SnapshotPosition {
  readonly keptCount: number | null
  readonly unkeptRevision: number | null
}

/** A checkpoint with what it has to agree with. */
export interface StoredCheckpoint extends Checkpoint {
  readonly seal: string | null
  /** How many kept changes there are. */
  readonly foundCount: number
  /** The seal of the first change that the log holds. */
  readonly nextSeal: string | null
}

/** The seal of a checkpoint. */
export function checkpointSeal(key: string, { revision, digest, keptCount, unkeptRevision }: Checkpoint): string {
  return sealOf(key, 'checkpoint', [revision, digest, keptCount, unkeptRevision])
}

/** What a walk over the chain found. */
export interface ChainVerdict {
  readonly isIntact: boolean
  /** How many revisions were walked over. */
  readonly checkedRevisions: number
  /** The first revision whose rows, order or digests are not what was written; null when all are. */
  readonly firstBrokenRevision: number | null
  /** The last whole revision up to which everything holds. */
  readonly verified: SnapshotPosition
}

/** Where the chain says that it ends, and where a walk begins. */
export interface ChainBounds {
  /** Revision and digest that the first change builds on: genesis, or a checkpoint. */
  readonly start: SnapshotPosition
  /** What the head row says. */
  readonly head: SnapshotPosition
  /** The checkpoint as it is stored; left out where the log was never shortened. */
  readonly checkpoint?: StoredCheckpoint
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
  let verified = bounds.start
  let ordinal = -1
  let checkedRevisions = 0
  for await (const change of changes) {
    const isNextOrdinal = change.revision === revision && ordinal >= 0 && change.ordinal === ordinal + 1
    const isNextRevision = change.revision === revision + 1 && change.ordinal === 0
    if (isNextRevision) verified = { revision, digest }
    digest = nextDigest(key, digest, change)
    if (!(isNextOrdinal || isNextRevision) || digest !== change.digest) {
      // A missing row shows at the one that follows it: name the revision that should have come.
      const expected = isNextRevision || isNextOrdinal ? change.revision : Math.min(change.revision, revision + 1)
      return { isIntact: false, checkedRevisions, firstBrokenRevision: expected, verified }
    }
    if (isNextRevision) checkedRevisions += 1
    revision = change.revision
    ordinal = change.ordinal
  }
  const isWhole = revision === bounds.head.revision && digest === bounds.head.digest
  const firstBrokenRevision = isWhole ? null : Math.min(revision + 1, bounds.head.revision)
  return { isIntact: isWhole, checkedRevisions, firstBrokenRevision, verified: isWhole ? bounds.head : verified }
}
