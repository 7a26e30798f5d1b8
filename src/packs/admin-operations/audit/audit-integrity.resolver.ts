import { Ctx, Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { CHANGES_READ } from '../changes/change.resolver.js'
import { AuditIntegrity, auditIntegrityCheck } from './audit-integrity.js'

@Resolver()
export class AuditIntegrityResolver {
  @Query(() => AuditIntegrity, {
    description:
      'Walks over the whole change log and tells whether it is what was once written. Takes seconds for a million changes; answers together whoever asks at the same time.',
  })
  @Operation({ permission: CHANGES_READ, cost: 20 })
  auditIntegrity(@Ctx() { core }: RequestContext): Promise<AuditIntegrity> {
    return core.once(auditIntegrityCheck).run()
  }
}
