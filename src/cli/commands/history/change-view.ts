import { differencesOf } from '../../change/plan-view.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import type { View } from '../../output/output.js'

/** What is shown of a change. */
export const CHANGE_FIELDS = graphql(`
  fragment ChangeFields on Change {
    id revision at targetType targetId targetKey action operation reason before after isRevertible correlationId
    actor { id name clientType }
  }
`)

type ChangeRow = ResultOf<typeof CHANGE_FIELDS>

/** Changes as rows. */
export const changeView: View<ChangeRow> = {
  name: ({ id }) => id,
  columns: [
    ['id', ({ id }) => id],
    ['at', ({ at }) => at],
    ['actor', ({ actor }) => actor.name],
    ['operation', ({ operation }) => operation],
    ['action', ({ action }) => action],
    ['type', ({ targetType }) => targetType],
    ['object', ({ targetKey }) => targetKey],
    ['what', (change) => whatOf(change)],
    ['reason', ({ reason }) => reason],
  ],
}

/** Which members an update changed. */
function whatOf(change: ChangeRow): string {
  if (change.action !== 'UPDATE') return ''
  return [...new Set(differencesOf(change).map(({ path }) => path.split('.')[0]))].join(', ')
}
