import type { CoreServices } from '../../../core/contract/core-services.js'
import { AppError } from '../../../core/contract/errors.js'
import { PACK_IDS } from '../../../core/contract/pack.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { demandAskable } from '../../../core/graphql/filter.js'
import { keysCalled } from '../../../core/history/called.js'
import { holdsText, type LogSearch } from '../../../core/history/log-search.js'
import type { ChangeLogFilter } from '../../../core/ledger/change-log.js'
import { mapInSlices } from '../../../core/platform/slices.js'
import type { ChangeRecord } from '../../../core/state/change.js'
import type { AnyCollection } from '../../../core/state/collection.js'
import type { ChangeFilter } from './change.inputs.js'

/** Most objects whose names hold a text that is searched for. */
const MAX_NAMED = 1_000

/** What the log is asked for. Throws BAD_USER_INPUT for a filter that it cannot be asked with, or that names what there is not. */
export async function askedChanges(context: RequestContext, filter: ChangeFilter | null | undefined): Promise<LogSearch> {
  const { core, snapshot } = context
  const { targetKey, ...asked } = filter ?? {}
  demandAskable(filter ?? {})
  await demandKnown(core, asked)
  await core.changeLog.demandKept(asked)
  const meant = core.collections.filter(({ name }) => !asked.targetType || name === asked.targetType)
  const searchedKeys = asked.search ? await keysNamed(context, meant, asked.search) : []
  if (typeof targetKey !== 'string') return { ...asked, searchedKeys }
  const targets = []
  for (const collection of meant)
    for (const key of await keysCalled(core, collection, { name: targetKey, snapshot, sinceRevision: 0 }))
      targets.push({ targetType: collection.name, targetKey: key })
  return { ...asked, searchedKeys, targets }
}

/** The part of a question that the stream of changes understands, and the rest of it as a rule for each change. */
export async function followedChanges(
  context: RequestContext,
  filter: ChangeFilter | null | undefined,
): Promise<readonly [ChangeLogFilter, (change: ChangeRecord) => boolean]> {
  const { targets, search, searchedKeys = [], ...asked } = await askedChanges(context, filter)
  const known = new Set(targets?.map((target) => `${target.targetType} ${target.targetKey}`))
  const titles = new Map(context.core.collections.map(({ name, titleOf }) => [name, titleOf]))
  const isCalled = ({ targetType, targetKey, before, after }: ChangeRecord): boolean =>
    // One that is made later is known by its name alone.
    known.has(`${targetType} ${targetKey}`) ||
    [before, after].some((image) => image && titles.get(targetType)?.(image) === filter?.targetKey)
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
  const { pack, targetType, operation } = filter
  demandOneOf('pack', pack, PACK_IDS)
  demandOneOf(
    'targetType',
    targetType,
    collections.map(({ name }) => name),
  )
  const mutations = Object.keys(service.door.schema.getMutationType()?.getFields() ?? {}).sort()
  // What the control plane does by itself, and what older builds have called otherwise, is known by the log.
  if (typeof operation !== 'string' || mutations.includes(operation)) return
  if ((await changeLog.page({ operation }, { take: 1 })).length === 0) demandOneOf('operation', operation, mutations)
}

function demandOneOf(name: string, given: string | null | undefined, known: readonly string[]): void {
  if (typeof given !== 'string' || known.includes(given)) return
  throw new AppError('BAD_USER_INPUT', `The filter's \`${name}\` is "${given}", which there is not. There are: ${known.join(', ')}.`)
}
