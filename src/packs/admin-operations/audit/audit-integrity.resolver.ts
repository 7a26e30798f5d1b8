import { Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { AuditIntegrity, type AuditIntegrityCheck } from './audit-integrity.js'

@Resolver()
export class AuditIntegrityResolver {
  readonly #check: AuditIntegrityCheck

  constructor(check: AuditIntegrityCheck) {
    this.#check = check
  }

  @Query(() => AuditIntegrity, {
    description:
      'Walks over the whole change log and tells whether it is what was once written. Takes seconds for a million changes; answers together whoever asks at the same time.',
  })
  @Operation({ permission: 'changes:read', cost: 20 })
  auditIntegrity(): Promise<AuditIntegrity> {
    return this.#check.run()
  }
}
