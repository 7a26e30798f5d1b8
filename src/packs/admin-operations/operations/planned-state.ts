import type { Caller } from '../../../core/contract/caller.js'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { newId } from '../../../core/platform/ids.js'
import type { AnyCollection } from '../../../core/state/collection.js'
import { Draft, type IndexMiss, type RecordRead } from '../../../core/state/draft.js'
import { findInputFaults } from '../../../core/state/input.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { isSameJson } from '../../../core/values/json.js'
import { type BoundStep, createAdminCommand } from './admin-operation.command.js'

/** Tells of a draft, once the steps have run on it, what they touch that has changed since the plan. */
export type FindStale = (draft: Draft) => readonly UserErrorData[]

/**
 * Asks the log what has happened since the plan to whatever the steps ask for, on the newest state that this process has.
 * What happens after that is found by comparing that state with the one that the operation commits on.
 */
export async function findWhatMoved(
  core: CoreServices,
  { steps, caller, plannedAtRevision }: { steps: readonly BoundStep[]; caller: Caller; plannedAtRevision: number },
): Promise<FindStale> {
  const { ledger, changeLog, clock } = core
  const command = createAdminCommand({ steps })
  // No command is asked before it is known that its input has an end; such a one is refused for that anyway.
  if (!(await findInputFaults({ command, input: { steps: steps.map(({ input }) => input) } })).isWalkable) return () => []
  const draft = new Draft(ledger.snapshot)
  await command.run(draft, {}, { caller, settings: core.settings, now: clock.now(), newId })
  const { base, reads } = draft
  const targets = reads.map(({ collection, key }) => ({ targetType: collection.name, targetKey: key }))
  const last = targets.length === 0 ? [] : await changeLog.lastOf(targets)
  const moved = reads.filter((_, index) => (last[index]?.revision ?? 0) > plannedAtRevision)
  for (const misses of byCollection(draft.misses)) moved.push(...(await findDeleted(core, misses, plannedAtRevision)))
  // Asked last: what was taken away from the log before it was read is known to be missing.
  const { start } = await changeLog.bounds()
  if (plannedAtRevision < start.revision) return () => [forgotten(plannedAtRevision, start.revision)]
  return (now) => [...byMark([...moved, ...now.reads.filter((read) => hasMoved(read, base, now.base))]).values()].map(stalePlan)
}

/** The look-ups of each collection. */
function byCollection(misses: readonly IndexMiss[]): Iterable<readonly IndexMiss[]> {
  const groups = new Map<AnyCollection, IndexMiss[]>()
  for (const miss of misses) {
    const group = groups.get(miss.collection) ?? []
    group.push(miss)
    groups.set(miss.collection, group)
  }
  return groups.values()
}

/** Records that had one of these places in the indexes of one collection, and were deleted since. Walks over the log once. */
async function findDeleted({ changeLog }: CoreServices, misses: readonly IndexMiss[], plannedAtRevision: number): Promise<RecordRead[]> {
  const [{ collection } = {}] = misses
  if (!collection) return []
  const deleted: RecordRead[] = []
  for await (const change of changeLog.stream({ targetType: collection.name, sinceRevision: plannedAtRevision })) {
    if (change.action !== 'DELETE' || !change.before) continue
    const record = collection.fromImage(change.before) as never
    const isMeant = misses.some(({ index, value }) => collection.indexes?.[index]?.(record).includes(value))
    if (isMeant) deleted.push({ collection, key: change.targetKey })
  }
  return deleted
}

function byMark(reads: readonly RecordRead[]): Map<string, RecordRead> {
  return new Map(reads.map((read) => [`${read.collection.name}\u0000${read.key}`, read]))
}

function hasMoved({ collection, key }: RecordRead, before: Snapshot, now: Snapshot): boolean {
  const [known, actual] = [before, now].map((state) => state.table(collection.name).get(key))
  return known !== actual && !isSameJson(imageOf(collection, known), imageOf(collection, actual))
}

function imageOf(collection: AnyCollection, record: object | undefined): object | null {
  return record ? collection.imageOf(record) : null
}

function stalePlan({ collection, key }: RecordRead): UserErrorData {
  return userError(
    'STALE_PLAN',
    ['plannedAtRevision'],
    `${collection.name} ${key} has changed since the plan was made. Plan again, and look at what is different.`,
  )
}

function forgotten(plannedAtRevision: number, firstRevision: number): UserErrorData {
  return userError(
    'STALE_PLAN',
    ['plannedAtRevision'],
    `The plan was made at revision ${plannedAtRevision}, and the log has let go of what came up to revision ${firstRevision}: what has changed since the plan cannot be told any more. Plan again.`,
  )
}
