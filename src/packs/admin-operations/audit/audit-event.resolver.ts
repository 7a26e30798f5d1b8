import { Arg, Args, Ctx, Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { ReadsRows } from '../../../core/graphql/bounds/rows.js'
import { type Page, PageArgs } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { demandAskable } from '../../../core/graphql/filter.js'
import { pageOfAuditEvents } from './audit-event.queries.js'
import { type AuditEvent, AuditEventConnection, AuditEventFilter } from './audit-event.types.js'
import { auditedLook } from './audited-look.js'

/** To see what was refused or tried. */
export const AUDIT_READ = 'audit:read'

/** Reading audit events, which is an audit event itself. */
@Resolver()
export class AuditEventResolver {
  @Query(() => AuditEventConnection, {
    description: 'What was refused or tried, newest first. Events of other replicas arrive within seconds. Reading them is audited, too.',
  })
  @Operation({ permission: AUDIT_READ })
  @ReadsRows()
  auditEvents(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => AuditEventFilter, { nullable: true, description: 'Which ones; left out: all.' }) filter?: AuditEventFilter | null,
  ): Promise<Page<AuditEvent>> {
    demandAskable(filter ?? {})
    const look = () => pageOfAuditEvents(context.core.database, filter ?? {}, args)
    return auditedLook('auditEvents', context, look)
  }
}
