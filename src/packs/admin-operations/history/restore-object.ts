import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import type { Demand, MadeCommand, Past } from '../../../core/contract/write.js'
import { MAX_GONE } from '../../../core/history/called.js'
import { forgotten } from '../../../core/history/log-spans.js'
import type { AnyCollection } from '../../../core/state/collection.js'
import { type Command, done, refused } from '../../../core/state/command.js'
import type { Draft } from '../../../core/state/draft.js'
import { findRestoredFaults, restoreImage, substanceOf } from '../../../core/state/revert.js'
import { findTextFault, isSameJson, type JsonObject } from '../../../core/values/json.js'
import type { RestoreObjectInput } from './restore-object.types.js'

/** One record, as it was then and as it was when it was looked at. */
interface Restored {
  readonly collection: AnyCollection
  readonly key: string
  readonly then: JsonObject | null
  readonly seen: JsonObject | null
}

interface SinceRow {
  readonly before: JsonObject | null
  /** The first operation since then that cannot be put back. */
  readonly fixed: string | null
}

const SINCE = `SELECT before, (SELECT n.operation FROM changes n WHERE n.target_type = $1 AND n.target_key = $2
    AND n.revision > $3 AND n.revision <= $4 AND NOT n.is_revertible ORDER BY n.revision LIMIT 1) AS fixed
  FROM changes WHERE target_type = $1 AND target_key = $2 AND revision > $3 AND revision <= $4 ORDER BY revision, ordinal LIMIT 1`

/**
 * Makes the command that puts one object back as it was at a revision, or takes it away where it was not there. It is refused where
 * something since then cannot be put back (keys, registrations), and where the object moves before it is committed.
 */
export async function makeRestoreCommand(past: Past, input: RestoreObjectInput): Promise<MadeCommand> {
  const { ledger, collections } = past
  if (input.revision > ledger.snapshot.revision) await ledger.catchUp()
  const collection = collections.find(({ name, isBookkeeping }) => name === input.targetType && !isBookkeeping)
  const faults = [...findNameFaults(past, input, collection), ...findRevisionFaults(past, input)]
  const objects = collection && faults.length === 0 ? await findObjects(past, input, collection) : []
  const found = objects.flatMap((object) => ('code' in object ? [] : [object]))
  const forgottenFaults = await findForgottenFaults(past, input)
  // What was taken away looks like nothing: what was found says nothing then.
  faults.push(...(forgottenFaults.length > 0 ? forgottenFaults : objects.flatMap((object) => ('code' in object ? [object] : []))))
  return { command: commandOf(found, faults), demands: found.flatMap(demandOf) }
}

function commandOf(objects: readonly Restored[], known: readonly UserErrorData[]): Command<object, readonly string[]> {
  return {
    name: 'restoreObject',
    isRevertible: true,
    run(draft, _input, { now }) {
      const faults = [...known, ...objects.filter((object) => hasMoved(draft, object)).map(moved)]
      if (faults.length > 0) return refused(...faults)
      for (const object of objects) restore(draft, object, now)
      for (const { collection, key } of objects) faults.push(...findRestoredFaults(draft, { collection, key, now }))
      return faults.length > 0 ? refused(...faults) : done(objects.map(({ key }) => key))
    },
  }
}

function findNameFaults(
  { collections }: Past,
  { targetType, targetKey }: RestoreObjectInput,
  collection: AnyCollection | undefined,
): UserErrorData[] {
  const faults: UserErrorData[] = []
  const textFault = findTextFault(targetKey)
  if (textFault) faults.push(userError('INVALID', ['targetKey'], `This ${textFault}.`))
  if (!collection) {
    const names = collections.filter(({ isBookkeeping }) => !isBookkeeping).map(({ name }) => name)
    faults.push(userError('INVALID', ['targetType'], `There are no objects of the type ${targetType}; the types are ${names.join(', ')}.`))
  }
  return faults
}

function findRevisionFaults({ ledger }: Past, { revision }: RestoreObjectInput): UserErrorData[] {
  const newest = ledger.snapshot.revision
  if (revision >= 0 && revision <= newest) return []
  return [userError('NOT_FOUND', ['revision'], `There is no revision ${revision}; the newest one is ${newest}.`)]
}

/** To be asked behind the look: what was taken away before it came by is known to be missing then. */
async function findForgottenFaults({ changeLog }: Past, { revision }: RestoreObjectInput): Promise<UserErrorData[]> {
  const { start } = await changeLog.bounds()
  return revision >= 0 && revision < start.revision ? [userError('NOT_FOUND', ['revision'], forgotten(revision, start.revision))] : []
}

/** What is called so, or was then; with what is wrong where that cannot be put back. */
async function findObjects(
  past: Past,
  { targetType, targetKey, revision }: RestoreObjectInput,
  collection: AnyCollection,
): Promise<readonly (Restored | UserErrorData)[]> {
  const { snapshot } = past.ledger
  const objects: (Restored | UserErrorData)[] = []
  const { keys, isCut } = await past.names.keysCalled(collection, { name: targetKey, snapshot, sinceRevision: revision })
  for (const key of keys) {
    const record = snapshot.table(targetType).get(key)
    const seen = record ? collection.imageOf(record) : null
    const { rows } = await past.database.ask<SinceRow>(SINCE, [targetType, key, revision, snapshot.revision])
    const [since] = rows
    const then = since ? since.before : seen
    if (since?.fixed) objects.push(notRevertible(`${targetType} ${targetKey}`, since.fixed))
    else if (then || seen) objects.push({ collection, key, then, seen })
  }
  const standing = objects.filter((object): object is Restored => 'then' in object && object.then !== null)
  if (standing.length > 1) return [ambiguous(targetKey, standing)]
  if (objects.length > 0) return objects
  return [notFound({ targetType, targetKey, revision }, isCut)]
}

function restore(draft: Draft, { collection, key, then }: Restored, now: Date): void {
  const record = draft.read(collection, key)
  const current = record ? collection.imageOf(record) : null
  if (then && current && isSameJson(substanceOf(then, collection), substanceOf(current, collection))) return
  // Another object under the same key comes to its end first.
  if (then && record && collection.idOf(record) !== collection.idOf(collection.fromImage(then)))
    restoreImage(draft, { collection, key, image: null, now })
  restoreImage(draft, { collection, key, image: then, now })
}

function hasMoved(draft: Draft, { collection, key, seen }: Restored): boolean {
  const record = draft.base.table(collection.name).get(key)
  return !isSameJson(record ? collection.imageOf(record) : null, seen)
}

/** To undo what has led from then to now asks for the same as a revert of that. */
function demandOf({ collection, then, seen }: Restored): Demand[] {
  return [{ targetType: collection.name, permission: collection.writePermission(then, seen) }]
}

function ambiguous(targetKey: string, standing: readonly Restored[]): UserErrorData {
  const keys = standing.map(({ key }) => key).join(', ')
  return userError('INVALID', ['targetKey'], `Several objects are called ${targetKey}. Name one of them by its id: ${keys}.`)
}

function notFound({ targetType, targetKey, revision }: RestoreObjectInput, isCut: boolean): UserErrorData {
  const then = isCut
    ? `none of the newest ${MAX_GONE} that were deleted was called so; name an older one by its id`
    : `there was none at revision ${revision}`
  return userError('NOT_FOUND', ['targetKey'], `There is no ${targetType} called ${targetKey}, and ${then}.`)
}

function moved({ collection, key }: Restored): UserErrorData {
  return userError('INVALID_STATE', ['targetKey'], `${collection.name} ${key} was changed just now. Look at it, and try again.`)
}

function notRevertible(what: string, operation: string): UserErrorData {
  return userError('INVALID_STATE', ['revision'], `What ${operation} has done to ${what} since then cannot be put back.`)
}
