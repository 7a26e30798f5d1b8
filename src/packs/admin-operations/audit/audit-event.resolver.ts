import { Arg, Args, Ctx, Query, Resolver, Root, Subscription } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { type Page, PageArgs } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { demandAskable } from '../../../core/graphql/filter.js'
import { pageOfAuditEvents } from './audit-event.queries.js'
import { auditWatch } from './audit-event.stream.js'
import { AuditEvent, AuditEventConnection, AuditEventFilter } from './audit-event.types.js'
import { auditedLook } from './audited-look.js'

/** To see what was refused or tried. */
export const AUDIT_READ = 'audit:read'

/** What TypeGraphQL hands to a `subscribe` function. */
interface SubscribeCall {
  readonly args: { readonly filter?: AuditEventFilter | null }
  readonly context: RequestContext
}

/** Reading audit events, which is an audit event itself. */
@Resolver()
export class AuditEventResolver {
  @Query(() => AuditEventConnection, {
    description: 'What was refused or tried, newest first. Events of other replicas arrive within seconds. Reading them is audited, too.',
  })
  @Operation({ permission: AUDIT_READ })
  auditEvents(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => AuditEventFilter, { nullable: true, description: 'Which ones; left out: all.' }) filter?: AuditEventFilter | null,
  ): Promise<Page<AuditEvent>> {
    demandAskable(filter ?? {})
    const look = () => pageOfAuditEvents(context.core.database, filter ?? {}, args)
    return auditedLook('auditEvents', context, look)
  }

  @Subscription(() => AuditEvent, {
    name: 'auditEvents',
    subscribe: async ({ args, context }: SubscribeCall) => {
      const filter = args.filter ?? {}
      demandAskable(filter)
      await auditedLook('auditEvents', context, () => Promise.resolve())
      return context.core.once(auditWatch).follow(filter)
    },
    description:
      'What is refused or tried from now on at any replica, about a second after it is written; equal events of a minute are written together. Following them is audited, too.',
  })
  @Operation({ permission: AUDIT_READ })
  auditEventStream(
    @Root() event: AuditEvent,
    @Arg('filter', () => AuditEventFilter, { nullable: true, description: 'Which ones; left out: all.' }) _filter?: AuditEventFilter | null,
  ): AuditEvent {
    return event
  }
}
