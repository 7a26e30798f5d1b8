import { setImmediate as nextTurn } from 'node:timers/promises'
import type pg from 'pg'
import type { QueryableDatabase } from '../database/database.js'
import type { Clock } from '../platform/clock.js'

/** The longest that a walk holds the event loop, in milliseconds; then everybody else has a turn. */
const SLICE_MS = 3
/** Rows read at a time. The embedded database works in this very thread, where a page is a slice of its own. */
const PAGE = { shared: 500, embedded: 40 }

/** What long walks are done with. */
export interface WalkTools {
  readonly database: QueryableDatabase
  readonly clock: Clock
}

/** How many rows a page of a walk has. */
export function pageSize({ isShared }: QueryableDatabase): number {
  return isShared ? PAGE.shared : PAGE.embedded
}

/** One page of a list, after the last row of the page before it; undefined asks for the first one. */
export type Asking<R> = (last: R | undefined) => { readonly text: string; readonly values: readonly unknown[] }

/** The rows of a list, `size` at a time; whoever else has something to do gets a turn every few milliseconds. */
export async function* slicedRows<R extends pg.QueryResultRow>(
  { database, clock }: WalkTools,
  asking: Asking<R>,
  size = pageSize(database),
): AsyncGenerator<R> {
  let last: R | undefined
  for (;;) {
    const { text, values } = asking(last)
    const { rows } = await database.ask<R>(text, values)
    await nextTurn()
    let fromMs = clock.monotonicMs()
    for (const row of rows) {
      yield row
      if (clock.monotonicMs() - fromMs < SLICE_MS) continue
      await nextTurn()
      fromMs = clock.monotonicMs()
    }
    last = rows.at(-1)
    if (rows.length < size) return
  }
}
