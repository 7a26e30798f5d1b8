import { Ctx, Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { ReadsRows } from '../../../core/graphql/bounds/rows.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { CHANGES_READ } from '../changes/change.resolver.js'
import { AuditIntegrity, integrityCheck } from './audit-integrity.js'

@Resolver()
export class AuditIntegrityResolver {
  @Query(() => AuditIntegrity, {
    description:
      'Walks over the whole change log, all audit events and all objects, and tells whether they are what was once written. Takes about a minute for a million changes, while everything else goes on; answers together whoever asks at the same time.',
  })
  @Operation({ permission: CHANGES_READ, cost: 20 })
  @ReadsRows()
  auditIntegrity(@Ctx() { core }: RequestContext): Promise<AuditIntegrity> {
    return core.once(integrityCheck).checkAll()
  }
}
