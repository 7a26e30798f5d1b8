import { Ctx, Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { ReadsRows } from '../../../core/graphql/bounds/rows.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { auditedLook } from './audited-look.js'
import { takeSecuritySnapshot } from './security-snapshot.js'
import { SecuritySnapshot } from './security-snapshot.types.js'

/** To see how safe the control plane stands. */
export const SECURITY_READ = 'security:read'

@Resolver()
export class SecuritySnapshotResolver {
  @Query(() => SecuritySnapshot, {
    description:
      'How safe the control plane stands: clients, denials, limits, the change log, and findings that somebody should look at. Looking is noted in the audit events.',
  })
  @Operation({ permission: SECURITY_READ, cost: 20 })
  @ReadsRows()
  securitySnapshot(@Ctx() context: RequestContext): Promise<SecuritySnapshot> {
    return auditedLook('securitySnapshot', context, () => takeSecuritySnapshot(context.core))
  }
}
