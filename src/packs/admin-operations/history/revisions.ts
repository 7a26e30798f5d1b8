import DataLoader from 'dataloader'
import { answerBudget } from '../../../core/graphql/bounds/answer-budget.js'
import { type Page, type PageArgs, pageOfRows } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { imageOf, lastChangeOf } from '../../../core/graphql/history.js'
import { countChanges, findChanges, type LogSearch } from '../../../core/history/log-search.js'
import type { ChangeEntry } from '../../../core/state/change.js'
import { joinReasons } from '../../../core/state/draft.js'
import { withoutBookkeeping } from '../../../core/state/revert.js'
import type { JsonObject } from '../../../core/values/json.js'
import type { ProofRun } from '../ports.js'
import { outcomeOf, runOf } from '../smoke-guard/guard-outcome.js'
import { guardedOperationCollection, guardedOperationOf } from '../smoke-guard/guarded-operation.collection.js'

/** Revisions whose changes are read with one statement: some have a thousand. */
const REVISIONS_PER_STATEMENT = 10
/** About what a change takes without its images, in bytes. */
const ENTRY_BYTES = 300

/** What is known of a revision by any of its changes. */
export type RevisionHead = Pick<ChangeEntry, 'at' | 'actor' | 'operation' | 'correlationId' | 'revertOf'> & { readonly number: number }

/** Changes of revisions, in order and without images: read one portion after the other for as long as the answer can hold them. */
const entries = (context: RequestContext) => {
  const budget = context.once(answerBudget)
  let last: Promise<unknown> = Promise.resolve()
  const load = async (revisions: readonly number[]): Promise<ChangeEntry[][]> => {
    if (budget.isSpent) return revisions.map(() => [])
    const found = await context.core.changeLog.entriesOf(revisions)
    budget.load(found.reduce((sum, changes) => sum + changes.length, 0) * ENTRY_BYTES)
    return found
  }
  const loadNext = (revisions: readonly number[]): Promise<ChangeEntry[][]> => {
    const loading = last.then(() => load(revisions))
    last = loading.catch(() => undefined)
    return loading
  }
  return new DataLoader<number, ChangeEntry[]>(loadNext, { maxBatchSize: REVISIONS_PER_STATEMENT })
}

/** The newest reverts of revisions, asked for together. */
const reverts = ({ core: { database } }: RequestContext) =>
  new DataLoader<number, number | null>(async (revisions) => {
    const text = 'SELECT revert_of AS of, max(revision) AS by FROM changes WHERE revert_of = ANY ($1::int[]) GROUP BY revert_of'
    const { rows } = await database.ask<{ of: number; by: number }>(text, [revisions])
    const found = new Map(rows.map(({ of, by }) => [of, by]))
    return revisions.map((revision) => found.get(revision) ?? null)
  })

/** One page of revisions, newest first: those that have a change which is meant. */
export function pageOfRevisions({ core }: RequestContext, filter: LogSearch, args: PageArgs): Promise<Page<RevisionHead>> {
  return pageOfRows(args, {
    list: 'Revision',
    cursorOf: ({ number }) => String(number),
    placeOf: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined),
    async rows(take, after) {
      const window = { take, after: after === undefined ? undefined : { revision: after, ordinal: 0 }, isByRevision: true }
      return (await findChanges(core.database, filter, window)).map(headOf)
    },
    totalCount: async () => (await countChanges(core, filter)).revisions,
  })
}

/** One revision; null where there is none in the log. */
export async function findRevision(context: RequestContext, number: number): Promise<RevisionHead | null> {
  const [first] = await changesOfRevision(context, number)
  return first ? headOf(first) : null
}

/** All changes of a revision, in order, without images. */
export function changesOfRevision(context: RequestContext, number: number): Promise<readonly ChangeEntry[]> {
  return context.once(entries).load(number)
}

/** The newest revision that has put this one back, or a part of it. */
export function revertOf(context: RequestContext, number: number): Promise<number | null> {
  return context.once(reverts).load(number)
}

/** All reasons of a revision together. */
export async function reasonOf(context: RequestContext, number: number): Promise<string | null> {
  const changes = await changesOfRevision(context, number)
  return joinReasons(new Set(changes.flatMap(({ reason }) => reason ?? [])))
}

/** Whether a revert could put a revision back, as long as nothing has changed since. */
export async function isRevertible(context: RequestContext, number: number): Promise<boolean> {
  const { collections } = context.core
  const changes = withoutBookkeeping(await changesOfRevision(context, number), collections)
  const known = new Set(collections.map(({ name }) => name))
  return changes.length > 0 && changes.every((change) => change.isRevertible && known.has(change.targetType))
}

/** The smoke test that guarded a revision, once it has ended: from the state, or from the log where that has forgotten it. */
export async function proofOf(context: RequestContext, number: number): Promise<ProofRun | null> {
  const operation = guardedOperationOf(context.snapshot, number)
  if (operation) return outcomeOf(operation).smokeTestRun
  const claim = (await changesOfRevision(context, number)).find(
    ({ targetType, action }) => targetType === guardedOperationCollection.name && action === 'CREATE',
  )
  const last = claim && (await lastChangeOf(context, guardedOperationCollection, { id: claim.targetKey }))
  const image = last && (await imageOf(context, last, last.action === 'DELETE' ? 'before' : 'after'))
  const run = image?.['smokeTestRun']
  return run ? runOf(run as JsonObject) : null
}

function headOf({ revision, at, actor, operation, correlationId, revertOf }: ChangeEntry): RevisionHead {
  return { number: revision, at, actor, operation, correlationId, revertOf }
}
