import DataLoader from 'dataloader'
import type { CoreServices } from '../../core/contract/core-services.js'
import { type Page, type PageArgs, pageOfRows } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import type { RateLimitSnapshot } from './rate-limit-rule.types.js'

/** What counters are read with. */
type Sources = Pick<CoreServices, 'database' | 'clock'>

/** A counter as it was last reported. */
export type CounterRow = RateLimitSnapshot & { readonly ruleId: string }

/** One page of one rule's counters. */
interface RulePage {
  readonly ruleId: string
  /** Keys behind this one. */
  readonly after: string | null
  readonly take: number
}

const COLUMNS = `s.rule_id AS "ruleId", s.key, s.scope, s.window_seconds AS "windowSeconds", s.max_requests AS "maxRequests",
  s.current_count AS "currentCount", s.denied_count AS "deniedCount", s.window_started_at AS "windowStartedAt", s.updated_at AS "updatedAt"`

/** What all pages of counters have in common. */
const LISTING = { list: 'RateLimitSnapshot', cursorOf: ({ ruleId, key }: CounterRow) => `${ruleId} ${key}`, placeOf }

/** One page of the counters that the replicas have reported, in the order of their rules and subjects. */
export function pageOfCounters(
  { core }: RequestContext,
  query: Partial<Pick<CounterRow, 'scope' | 'key'>>,
  args: PageArgs,
): Promise<Page<CounterRow>> {
  const { database } = core
  const { scope = null, key = null } = query
  const text = `SELECT ${COLUMNS} FROM rate_limit_snapshots s
    WHERE ($1::text IS NULL OR s.scope = $1) AND ($2::text IS NULL OR s.key = $2) AND ($3::text IS NULL OR (s.rule_id, s.key) > ($3, $4::text))
    ORDER BY s.rule_id, s.key LIMIT $5`
  return pageOfRows(args, {
    ...LISTING,
    rows: (take, after) => ask(core, text, [scope, key, after?.ruleId ?? null, after?.key ?? null, take]),
    totalCount: () => database.askPrisma(({ rateLimitSnapshot }) => rateLimitSnapshot.count({ where: query })),
  })
}

/** One page of the counters of a rule; the pages of all rules of an answer are asked for together. */
export function pageOfRuleCounters(context: RequestContext, ruleId: string, args: PageArgs): Promise<Page<CounterRow>> {
  return pageOfRows(args, {
    ...LISTING,
    rows: (take, after) => context.once(rulePages).load({ ruleId, after: after?.key ?? null, take }),
    totalCount: () => context.core.database.askPrisma(({ rateLimitSnapshot }) => rateLimitSnapshot.count({ where: { ruleId } })),
  })
}

const rulePages = ({ core }: RequestContext) =>
  new DataLoader<RulePage, CounterRow[], string>((pages) => loadPages(core, pages), {
    cacheKeyFn: ({ ruleId, after, take }) => JSON.stringify([ruleId, after, take]),
    maxBatchSize: 100,
  })

async function loadPages(core: Sources, pages: readonly RulePage[]): Promise<CounterRow[][]> {
  const text = `SELECT q.page, s.* FROM json_to_recordset($1::json) AS q(page int, "ruleId" text, "after" text, take int)
    CROSS JOIN LATERAL (
      SELECT ${COLUMNS} FROM rate_limit_snapshots s
      WHERE s.rule_id = q."ruleId" AND (q."after" IS NULL OR s.key > q."after") ORDER BY s.key LIMIT q.take) s
    ORDER BY q.page, s.key`
  const asked = JSON.stringify(pages.map((page, index) => ({ page: index, ...page })))
  const rows = await ask<CounterRow & { page: number }>(core, text, [asked])
  return pages.map((_, index) => rows.filter(({ page }) => page === index))
}

async function ask<R extends CounterRow>({ database, clock }: Sources, text: string, values: readonly unknown[]): Promise<R[]> {
  const { rows } = await database.ask<R>(text, values)
  const nowMs = clock.now().getTime()
  return rows.map((row) => ({ ...row, id: `${row.ruleId}:${row.key}`, currentCount: isOver(row, nowMs) ? 0 : row.currentCount }))
}

/** Whether the window that was counted has ended: nothing was reported of a later one, so nothing is taken of it as far as is known. */
function isOver({ windowStartedAt, windowSeconds }: CounterRow, nowMs: number): boolean {
  return windowStartedAt.getTime() + windowSeconds * 1_000 <= nowMs
}

function placeOf(text: string): Pick<CounterRow, 'ruleId' | 'key'> | undefined {
  const space = text.indexOf(' ')
  return space < 0 || text.includes('\u0000') ? undefined : { ruleId: text.slice(0, space), key: text.slice(space + 1) }
}
