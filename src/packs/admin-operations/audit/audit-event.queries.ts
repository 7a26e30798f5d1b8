import type { AuditOutcome } from '../../../core/background/audit.js'
import type { ClientType } from '../../../core/contract/caller.js'
import type { QueryableDatabase } from '../../../core/database/database.js'
import { type Page, type PageArgs, pageOfRows } from '../../../core/graphql/connection.js'
import { isStorableTime } from '../../../core/graphql/filter.js'
import type { JsonObject } from '../../../core/values/json.js'
import type { Prisma } from '../../../generated/prisma/client.js'
import type { AuditEventModel } from '../../../generated/prisma/models.js'
import type { AuditEvent, AuditEventFilter } from './audit-event.types.js'

const NEWEST_FIRST = [{ at: 'desc' as const }, { id: 'desc' as const }]

/** One page of audit events, newest first; rejects with AppError UNAVAILABLE while the database is away. */
export function pageOfAuditEvents(database: QueryableDatabase, filter: AuditEventFilter, args: PageArgs): Promise<Page<AuditEvent>> {
  return pageOfRows(args, {
    list: 'AuditEvent',
    cursorOf: ({ at, id }) => `${at.toISOString()}/${id}`,
    placeOf: olderThan,
    async rows(take, after = {}) {
      const where = { AND: [whereOf(filter), after] }
      const rows = await database.askPrisma(({ auditEvent }) => auditEvent.findMany({ where, orderBy: NEWEST_FIRST, take }))
      return rows.map(toRecord)
    },
    totalCount: () => database.askPrisma(({ auditEvent }) => auditEvent.count({ where: whereOf(filter) })),
  })
}

/** Place of the newest event in the chain of all replicas; 0 before the first one. Rejects with AppError UNAVAILABLE while the database is away. */
export async function newestAuditEvent(database: QueryableDatabase): Promise<number> {
  const { rows } = await database.ask<{ seq: number }>('SELECT seq FROM audit_head WHERE id = 1')
  return rows[0]?.seq ?? 0
}

/** At most `take` of the events behind one place in the chain and up to another, with their places, in the order of the chain. */
export async function auditEventsBetween(
  database: QueryableDatabase,
  filter: AuditEventFilter,
  { behind, upTo, take }: { readonly behind: number; readonly upTo: number; readonly take: number },
): Promise<{ readonly event: AuditEvent; readonly seq: number }[]> {
  const where = { AND: [whereOf(filter), { seq: { gt: behind, lte: upTo } }] }
  const rows = await database.askPrisma(({ auditEvent }) => auditEvent.findMany({ where, orderBy: { seq: 'asc' }, take }))
  return rows.map((row) => ({ event: toRecord(row), seq: row.seq ?? upTo }))
}

function whereOf({ operation, outcome, actorId, since, until }: AuditEventFilter): Prisma.AuditEventWhereInput {
  return {
    operation: operation ?? undefined,
    outcome: outcome ?? undefined,
    actorId: actorId ?? undefined,
    at: { gte: since ?? undefined, lte: until ?? undefined },
  }
}

/** What stands behind a cursor, which holds the time and the id of an event. */
function olderThan(text: string): Prisma.AuditEventWhereInput | undefined {
  const [, time, id] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\/([0-9a-f-]{36})$/.exec(text) ?? []
  const at = new Date(time ?? '')
  if (id === undefined || !isStorableTime(at)) return undefined
  return { OR: [{ at: { lt: at } }, { at, id: { lt: id } }] }
}

function toRecord({ id, at, operation, outcome, code, remoteAddress, detail, ...row }: AuditEventModel): AuditEvent {
  const { actorId, actorName, actorClientType } = row
  const actor = actorId === null ? null : { id: actorId, name: actorName ?? actorId, clientType: actorClientType as ClientType | null }
  return { id, at, operation, outcome: outcome as AuditOutcome, code, actor, remoteAddress, detail: detail as JsonObject | null }
}
