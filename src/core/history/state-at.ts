import { answerBudget } from '../graphql/bounds/answer-budget.js'
import type { RequestContext } from '../graphql/context.js'
import { imageOf } from '../graphql/history.js'
import { mapInSlices } from '../platform/slices.js'
import { markOf } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import { type JsonObject, jsonBytes } from '../values/json.js'
import { demandReached, type Span, spansOf } from './log-spans.js'

/** The images of records as they were, by key in the order of keys. */
export type ImagesByKey = ReadonlyMap<string, JsonObject>

/**
 * What collections held at a revision: the state of the call, with all that has changed since put back as the log has it. Costs a
 * walk over the changes since then, and what it holds counts as loaded for the answer. `demandRevision` comes before it.
 */
export class StateAt {
  readonly #context: RequestContext
  readonly #revision: number
  readonly #since: ReadonlyMap<string, Span>

  private constructor(context: RequestContext, revision: number, since: ReadonlyMap<string, Span>) {
    this.#context = context
    this.#revision = revision
    this.#since = since
  }

  /** The state at `revision`. Throws BAD_USER_INPUT where the log does not lead back to it. */
  static async read(context: RequestContext, revision: number): Promise<StateAt> {
    const { core, snapshot } = context
    if (revision === snapshot.revision) return new StateAt(context, revision, new Map())
    const since = await spansOf(core, { since: revision, until: snapshot.revision })
    await demandReached(core, revision, snapshot)
    return new StateAt(context, revision, since)
  }

  /** The images of a collection's records; of those whose keys `isMeant` names, where it is given. Throws BAD_USER_INPUT as `read` does. */
  async imagesOf(collection: AnyCollection, isMeant: (key: string) => boolean = () => true): Promise<ImagesByKey> {
    const context = this.#context
    const budget = context.once(answerBudget)
    const images = new Map<string, JsonObject>()
    await mapInSlices(context.snapshot.table(collection.name).values(), (record) => {
      const key = collection.keyOf(record)
      if (budget.isSpent || !isMeant(key) || this.#since.has(markOf({ targetType: collection.name, targetKey: key }))) return
      const image = collection.imageOf(record)
      budget.load(jsonBytes(image))
      images.set(key, image)
    })
    const moved = [...this.#since.values()].filter(({ targetType, targetKey }) => targetType === collection.name && isMeant(targetKey))
    const before = await Promise.all(moved.map(({ first }) => imageOf(context, first, 'before')))
    // An image that was taken away meanwhile looks like an object that was not there.
    if (moved.length > 0) await demandReached(context.core, this.#revision, context.snapshot)
    for (const [index, { targetKey }] of moved.entries()) {
      const image = before[index]
      if (image) images.set(targetKey, image)
    }
    return new Map([...images].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
