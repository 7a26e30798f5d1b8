import type { ChangeRecord } from '../state/change.js'
import type { RequestContext } from './context.js'

/** How the schema describes what {@link targetKeyOf} tells. */
export const TARGET_KEY = {
  description:
    "What people call the object: a flag's key, a client's name, the scope and key of a rate limit; its `id` where it has no such name.",
}

const byName = ({ core }: RequestContext) => new Map(core.collections.map((collection) => [collection.name, collection]))

/** What people call an object that was changed, or would be: as it was called then, also where it is gone. */
export function targetKeyOf(context: RequestContext, change: Pick<ChangeRecord, 'targetType' | 'targetId' | 'before' | 'after'>): string {
  const image = change.after ?? change.before
  // A newer build may log objects that this one does not know.
  return (image && context.once(byName).get(change.targetType)?.titleOf(image)) ?? change.targetId
}
