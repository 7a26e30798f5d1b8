import type { CoreServices } from '../../../core/contract/core-services.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { demandAskable, demandOneOf, demandPack } from '../../../core/graphql/filter.js'
import { calledNames } from '../../../core/history/called.js'
import { holdsText, type LogSearch } from '../../../core/history/log-search.js'
import type { ChangeLogFilter } from '../../../core/ledger/change-log.js'
import { mapInSlices } from '../../../core/platform/slices.js'
import { type ChangeRecord, markOf } from '../../../core/state/change.js'
import type { AnyCollection } from '../../../core/state/collection.js'
import type { ChangeFilter } from './change.inputs.js'

/** Most objects whose names hold a text that is searched for. */
const MAX_NAMED = 1_000

/** What the log is asked for. Throws BAD_USER_INPUT for a filter that it cannot be asked with, or that names what there is not. */
export async function askedChanges(context: RequestContext, filter: ChangeFilter | null | undefined): Promise<LogSearch> {
  const { core, snapshot } = context
  demandAskable(filter ?? {})
  const { targetKey, ...given } = filter ?? {}
  const asked = { ...given, pack: demandPack(given.pack) }
  await demandKnown(core, asked)
  await core.changeLog.demandKept(asked)
  const meant = (): readonly AnyCollection[] => core.collections.filter(({ name }) => !asked.targetType || name === asked.targetType)
  const searchedKeys = asked.search ? await keysNamed(context, meant(), asked.search) : []
  if (typeof targetKey !== 'string') return { ...asked, searchedKeys }
  const targets = []
  for (const collection of meant())
    for (const key of (await context.once(calledNames).keysCalled(collection, { name: targetKey, snapshot, sinceRevision: 0 })).keys)
      targets.push({ targetType: collection.name, targetKey: key })
  return { ...asked, searchedKeys, targets }
}

/** The part of a question that the stream of changes understands, and the rest of it as a rule for each change. */
export async function followedChanges(
  context: RequestContext,
  filter: ChangeFilter | null | undefined,
): Promise<readonly [ChangeLogFilter, (change: ChangeRecord) => boolean]> {
  const { targets, search, searchedKeys = [], ...asked } = await askedChanges(context, filter)
  const known = new Set(targets?.map(markOf))
  const titles = new Map(context.core.collections.map(({ name, titleOf }) => [name, titleOf]))
  const isCalled = (change: ChangeRecord): boolean =>
    // One that is made later is known by its name alone.
    known.has(markOf(change)) ||
    [change.before, change.after].some((image) => image && titles.get(change.targetType)?.(image) === filter?.targetKey)
  return [asked, (change) => (!targets || isCalled(change)) && (!search || holdsText(change, search, searchedKeys))]
}

/** Keys of records that people call otherwise, and whose names hold a text. */
async function keysNamed({ snapshot }: RequestContext, collections: readonly AnyCollection[], text: string): Promise<readonly string[]> {
  const keys: string[] = []
  for (const collection of collections.filter(({ titleOf }) => titleOf !== undefined))
    await mapInSlices(snapshot.table(collection.name).values(), (record) => {
      const title = collection.titleOf?.(collection.imageOf(record)) ?? ''
      if (keys.length < MAX_NAMED && title.toLowerCase().includes(text.toLowerCase())) keys.push(collection.keyOf(record))
    })
  return keys
}

/** A name that there is not finds nothing, which looks like an answer: it is refused, with those that there are. */
async function demandKnown({ collections, changeLog, service }: CoreServices, filter: ChangeFilter): Promise<void> {
  const { targetType, operation } = filter
  demandOneOf('targetType', targetType, () => collections.map(({ name }) => name))
  if (typeof operation !== 'string') return
  const mutations = Object.keys(service.door.schema.getMutationType()?.getFields() ?? {}).sort()
  // What the control plane does by itself, and what older builds have called otherwise, is known by the log.
  const isInLog = !mutations.includes(operation) && (await changeLog.page({ operation }, { take: 1 })).length > 0
  if (!isInLog) demandOneOf('operation', operation, () => mutations)
}
