import { type UserErrorData, userError } from '../contract/errors.js'
import type { ChangeLog } from '../ledger/change-log.js'
import { mapInSlices } from '../platform/slices.js'
import { isSameJson, type JsonObject } from '../values/json.js'
import { type ChangeRecord, type ChangeTarget, markOf } from './change.js'
import type { AnyCollection } from './collection.js'
import { done, type LongCommand, refused } from './command.js'
import type { Draft } from './draft.js'

/** What a revert is told besides the changes that it puts back. */
export interface RevertInput {
  readonly revision: number
  /** Ids of the objects that are meant; left out: all that the revision has changed. */
  readonly targetIds?: readonly string[] | null | undefined
}

/** What a revert works on: the changes of the revision, in order, and the collections that they may be of. */
export interface RevertSubject {
  readonly changes: readonly ChangeRecord[]
  readonly collections: readonly AnyCollection[]
  /**
   * The newest change of each record that they are of, as the log has it: an object that was made and deleted again looks as
   * if nothing had happened. What happens after this look is told by the contents.
   */
  readonly last?: readonly (Pick<ChangeRecord, 'revision'> | null)[]
}

/** What has to be known of a revision to revert it. */
export async function findRevertSubject(changeLog: ChangeLog, of: Pick<RevertSubject, 'changes' | 'collections'>): Promise<RevertSubject> {
  const changes = withoutBookkeeping(of.changes, of.collections)
  return { ...of, changes, last: changes.length === 0 ? [] : await changeLog.lastOf(changes) }
}

/**
 * The changes of the objects with these ids; all where none are named. Objects under one key go together: one that was deleted and
 * made again in one revision can be put back only with both changes.
 */
export function changesOfTargets(changes: readonly ChangeRecord[], { targetIds }: Pick<RevertInput, 'targetIds'>): readonly ChangeRecord[] {
  if (!targetIds) return changes
  const wanted = new Set(targetIds)
  const marks = new Set(changes.filter(({ targetId }) => wanted.has(targetId)).map(markOf))
  return changes.filter((change) => marks.has(markOf(change)))
}

/** What an operation did, without the records that tell how it went. */
export function withoutBookkeeping<T extends Pick<ChangeTarget, 'targetType'>>(
  changes: readonly T[],
  collections: readonly AnyCollection[],
): readonly T[] {
  const bookkeeping = new Set(collections.filter(({ isBookkeeping }) => isBookkeeping).map(({ name }) => name))
  return changes.filter(({ targetType }) => !bookkeeping.has(targetType))
}

/**
 * A command that puts every `before` of a revision back. Contents return exactly; versions go on counting up, so that an
 * expectedVersion from before the revert never passes by accident. Refused as a whole, naming each object, where an
 * object has moved since or a change cannot be put back. With `targetIds` only what is named is looked at and put back.
 */
export function createRevertCommand(subject: RevertSubject): LongCommand<RevertInput, readonly string[]> {
  const { collections, last = [] } = subject
  const movedOn = new Set(subject.changes.filter(({ revision }, index) => (last[index]?.revision ?? 0) > revision))
  const byName = new Map(collections.map((collection) => [collection.name, collection]))
  return {
    name: 'revertRevision',
    isRevertible: true,
    async run(draft, input, { now }) {
      const faults = findTargetFaults(subject.changes, input)
      if (faults.length > 0) return refused(...faults)
      const changes = changesOfTargets(subject.changes, input)
      await mapInSlices(changes.toReversed(), (change) => {
        const collection = byName.get(change.targetType)
        if (!collection || !change.isRevertible) faults.push(notRevertible(change))
        else if (movedOn.has(change) || hasMoved(draft, collection, change)) faults.push(moved(change))
        else putBack(draft, { collection, change, now })
      })
      if (faults.length === 0)
        await mapInSlices(lastOfEach(changes), (change) =>
          faults.push(...findRestoredFaults(draft, { collection: byName.get(change.targetType), key: change.targetKey, now })),
        )
      if (faults.length > 0) return refused(...faults)
      draft.revertOf = input.revision
      return done(changes.map(({ id }) => id))
    },
  }
}

/** Faults of what is to be put back, before it is tried. */
function findTargetFaults(changes: readonly ChangeRecord[], { revision, targetIds }: RevertInput): UserErrorData[] {
  if (changes.length === 0)
    return [userError('NOT_FOUND', ['revision'], `There is nothing in the log that revision ${revision} did and a revert could put back.`)]
  if (targetIds?.length === 0)
    return [userError('REQUIRED', ['targetIds'], 'Name the objects that are meant, or leave this out to put back everything.')]
  const known = new Set(changes.map(({ targetId }) => targetId))
  return (targetIds ?? []).flatMap((id, index) =>
    known.has(id)
      ? []
      : [
          userError(
            'NOT_FOUND',
            ['targetIds', String(index)],
            `Revision ${revision} has changed no object with this id. \`changes\` lists those that it has.`,
          ),
        ],
  )
}

/** One change of each record: one that was deleted and made again has two in one revision. */
function lastOfEach(changes: readonly ChangeRecord[]): Iterable<ChangeRecord> {
  return new Map(changes.map((change) => [markOf(change), change])).values()
}

function hasMoved(draft: Draft, collection: AnyCollection, change: ChangeRecord): boolean {
  const current = draft.read(collection, change.targetKey)
  return !isSameJson(current ? collection.imageOf(current) : null, change.after)
}

function putBack(draft: Draft, { collection, change, now }: { collection: AnyCollection; change: ChangeRecord; now: Date }): void {
  restoreImage(draft, { collection, key: change.targetKey, image: change.before, now })
}

/** A record and what it was. */
export interface RestoredImage {
  readonly collection: AnyCollection
  readonly key: string
  /** Null: it was not there. */
  readonly image: JsonObject | null
  readonly now: Date
}

/** Puts a record as an image has it, or its absence. Its version goes on counting up, and its secrets stay as they are. */
export function restoreImage(draft: Draft, { collection, key, image, now }: RestoredImage): void {
  if (!image) {
    draft.restore(collection, key, undefined)
    return
  }
  const current = draft.read(collection, key)
  const version = Math.max(current ? collection.versionOf(current) : 0, Number(image[collection.version])) + 1
  const restored = {
    ...image,
    [collection.version]: version,
    ...('updatedAt' in collection.fields ? { updatedAt: now.toISOString() } : {}),
  }
  draft.restore(collection, key, collection.fromImage(restored, current))
}

/** Faults of a record that was put back, judged on the state with everything put back, since what is put back together may depend on each other. */
export function findRestoredFaults(
  draft: Draft,
  { collection, key, now }: { collection: AnyCollection | undefined; key: string; now: Date },
): UserErrorData[] {
  const record = collection && draft.read(collection, key)
  const faults = record ? (collection.findRestoredFaults?.(draft, record as never, now) ?? []) : []
  return faults.map(({ message }) => userError('INVALID_STATE', ['revision'], message))
}

/** An image without what counts edits. */
export function substanceOf(image: JsonObject, { version }: Pick<AnyCollection, 'version'>): JsonObject {
  return Object.fromEntries(Object.entries(image).filter(([field]) => field !== version && field !== 'updatedAt'))
}

function moved({ targetType, targetKey, revision }: ChangeRecord): UserErrorData {
  return userError(
    'INVALID_STATE',
    ['revision'],
    `${targetType} ${targetKey} has changed since revision ${revision}; reverting would overwrite that.`,
  )
}

function notRevertible({ targetType, targetKey, operation }: ChangeRecord): UserErrorData {
  return userError('INVALID_STATE', ['revision'], `What ${operation} did to ${targetType} ${targetKey} cannot be put back.`)
}
