import { AppError } from '../../../core/contract/errors.js'
import { AnswerTooLargeError, answerBudget } from '../../../core/graphql/bounds/answer-budget.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { imageOf } from '../../../core/graphql/history.js'
import { demandReached, type Span, spansOf } from '../../../core/history/log-spans.js'
import { mapInSlices } from '../../../core/platform/slices.js'
import type { AnyCollection } from '../../../core/state/collection.js'
import { substanceOf } from '../../../core/state/revert.js'
import { isSameJson, type JsonObject } from '../../../core/values/json.js'
import type { PlannedChangeData } from '../operations/admin-operation.command.js'

/** Most objects that may have been changed between two revisions that are compared. */
export const MAX_COMPARED = 5_000

/** An object at one of the two revisions. */
interface Side {
  readonly id: string
  readonly image: JsonObject | null
}

/**
 * What would have to be done to get from the state at one revision to that at another one, earlier or later: the objects that differ
 * in more than what counts their edits, by type and key. One that was deleted and made again is the end of one and the beginning of
 * another. Throws BAD_USER_INPUT where more than {@link MAX_COMPARED} objects were changed between, or the log does not lead back.
 */
export async function compareRevisions(context: RequestContext, from: number, to: number): Promise<readonly PlannedChangeData[]> {
  const { core, snapshot } = context
  const since = Math.min(from, to)
  const spans = [...(await spansOf(core, { since, until: Math.max(from, to), limit: MAX_COMPARED + 1 })).values()]
  await demandReached(core, since, snapshot)
  if (spans.length > MAX_COMPARED) {
    const message = `More than ${MAX_COMPARED} objects were changed between the revisions ${from} and ${to}. Compare revisions that are closer together, or two answers of \`exportState\`.`
    throw new AppError('BAD_USER_INPUT', message)
  }
  const collections = new Map(core.collections.map((collection) => [collection.name, collection]))
  const meant = spans.filter(({ targetType }) => !collections.get(targetType)?.isBookkeeping).sort(byTarget)
  // Waited for together: a failure of one must not leave that of the other to nobody.
  const [earlier, later] = await Promise.all([
    Promise.all(meant.map(({ first }) => imageOf(context, first, 'before'))),
    Promise.all(meant.map(({ last }) => imageOf(context, last, 'after'))),
  ])
  // What was not read looks like nothing, and may leave nothing in the answer to be counted.
  if (context.once(answerBudget).isSpent) throw new AnswerTooLargeError(core.settings.maxAnswerBytes)
  // An image that was taken away meanwhile looks like an object that was not there.
  await demandReached(core, since, snapshot)
  const found = await mapInSlices(meant, (span, index) => {
    const then: Side = { id: span.first.targetId, image: earlier[index] ?? null }
    const now: Side = { id: span.last.targetId, image: later[index] ?? null }
    return differencesOf(span, from < to ? [then, now] : [now, then], collections.get(span.targetType))
  })
  return found.flat()
}

function differencesOf(
  { pack, targetType }: Span,
  [before, after]: readonly [Side, Side],
  collection: AnyCollection | undefined,
): PlannedChangeData[] {
  const place = { step: 0, pack, targetType }
  const end = (): PlannedChangeData => ({ ...place, targetId: before.id, action: 'DELETE', before: before.image, after: null })
  const beginning = (): PlannedChangeData => ({ ...place, targetId: after.id, action: 'CREATE', before: null, after: after.image })
  if (!before.image || !after.image) return [...(before.image ? [end()] : []), ...(after.image ? [beginning()] : [])]
  if (before.id !== after.id) return [end(), beginning()]
  const [then, now] = [before.image, after.image].map((image) => (collection ? substanceOf(image, collection) : image))
  if (isSameJson(then, now)) return []
  return [{ ...place, targetId: after.id, action: 'UPDATE', before: before.image, after: after.image }]
}

function byTarget(a: Span, b: Span): number {
  if (a.targetType !== b.targetType) return a.targetType < b.targetType ? -1 : 1
  return a.targetKey < b.targetKey ? -1 : 1
}
