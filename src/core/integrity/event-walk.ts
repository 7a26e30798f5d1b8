import { type AuditHead, type AuditRow, eventDigest, HEAD_COLUMNS, isHeadSealed } from '../background/audit-chain.js'
import { type Asking, pageSize, slicedRows, type WalkTools } from './pages.js'

/** A place in the chain of events. */
export interface EventPosition {
  readonly seq: number
  readonly digest: string
}

/** Where the chain of events begins and ends, and the first event that stands outside of it. */
export interface EventBounds {
  readonly head: AuditHead
  readonly outside: string | null
}

/** What a walk over the chain of events found. */
export interface EventVerdict {
  readonly isIntact: boolean
  /** The first event that is not what was written; null where none is left to be named. */
  readonly firstBroken: string | null
  readonly verified: EventPosition
}

interface EventText {
  readonly id: string
  readonly seq: number
  readonly event: string
}

/** Where the chain begins and ends now. */
export async function readEventBounds({ database }: WalkTools): Promise<EventBounds> {
  const text = `SELECT ${HEAD_COLUMNS}, coalesce(
      (SELECT e.id FROM audit_events e WHERE e.seq <= h.start_seq ORDER BY e.seq LIMIT 1),
      (SELECT e.id FROM audit_events e WHERE e.seq > h.seq ORDER BY e.seq LIMIT 1),
      (SELECT e.id FROM audit_events e WHERE e.seq IS NULL AND e.at >= h.chained_from ORDER BY e.at, e.id LIMIT 1)) AS outside
    FROM audit_head h WHERE h.id = 1`
  const [row] = (await database.ask<AuditHead & { outside: string | null }>(text)).rows
  if (!row) throw new Error('audit_head has no row; restore it from a backup')
  const { outside, ...head } = row
  return { head, outside }
}

/** Whether the chain still leads through `position`. */
export async function holdsEvent({ database }: WalkTools, { head }: EventBounds, { seq, digest }: EventPosition): Promise<boolean> {
  if (seq === head.start_seq) return digest === head.start_digest
  const { rows } = await database.ask('SELECT 1 FROM audit_events e WHERE e.seq = $1 AND e.digest = $2', [seq, digest])
  return rows.length === 1
}

/** Walks over the events behind `start` and compares every link, the end and the seal of the chain. */
export async function verifyEvents(
  tools: WalkTools,
  { key, bounds, start }: { readonly key: string; readonly bounds: EventBounds; readonly start: EventPosition },
): Promise<EventVerdict> {
  const { head, outside } = bounds
  let verified = start
  let last: string | null = null
  for await (const { id, seq, event } of walkEvents(tools, { start, head })) {
    const digest = eventDigest(key, verified.digest, { seq, row: rowOf(event) })
    if (seq !== verified.seq + 1 || digest !== digestOf(event)) return { isIntact: false, firstBroken: id, verified }
    verified = { seq, digest }
    last = id
  }
  const isWhole = verified.seq === head.seq && verified.digest === head.digest && isHeadSealed(key, head)
  return { isIntact: isWhole && outside === null, firstBroken: isWhole ? outside : last, verified }
}

async function* walkEvents(tools: WalkTools, of: { start: EventPosition; head: EventPosition }): AsyncGenerator<EventText> {
  const text = `SELECT e.id, e.seq, to_json(e)::text AS event FROM audit_events e
    WHERE (e.seq, e.id) > ($1, $2) AND e.seq > $3 AND e.seq <= $4 ORDER BY e.seq, e.id LIMIT ${pageSize(tools.database)}`
  const asking: Asking<EventText> = (last) => ({ text, values: [last?.seq ?? of.start.seq, last?.id ?? '', of.start.seq, of.head.seq] })
  yield* slicedRows(tools, asking)
}

function rowOf(event: string): AuditRow {
  const row = JSON.parse(event) as AuditRow
  return { ...row, at: new Date(row.at).toISOString() }
}

function digestOf(event: string): string {
  return (JSON.parse(event) as { digest: string }).digest
}
