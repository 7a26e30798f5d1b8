import type { ChainBounds } from '../ledger/digest.js'
import { type ChangeRecord, fromChangeRow } from '../state/change.js'
import type { JsonObject } from '../values/json.js'
import { type Asking, pageSize, slicedRows, type WalkTools } from './pages.js'

interface ChangeText {
  readonly revision: number
  readonly ordinal: number
  readonly change: string
}

/** The changes behind `start` up to `head`, in order. */
export async function* walkChanges(tools: WalkTools, { start, head }: ChainBounds): AsyncGenerator<ChangeRecord> {
  const text = `SELECT c.revision, c.ordinal, to_json(c)::text AS change FROM changes c
    WHERE (c.revision, c.ordinal) > ($1, $2) AND c.revision <= $3 ORDER BY c.revision, c.ordinal LIMIT ${pageSize(tools.database)}`
  const first = { revision: start.revision + 1, ordinal: -1 }
  const asking: Asking<ChangeText> = (last) => {
    const { revision, ordinal } = last ?? first
    return { text, values: [revision, ordinal, head.revision] }
  }
  for await (const { change } of slicedRows(tools, asking)) yield fromChangeRow(JSON.parse(change) as JsonObject)
}
