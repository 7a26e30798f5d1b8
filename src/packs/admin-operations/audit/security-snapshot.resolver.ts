import { Ctx, Query, Resolver } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import type { AuditIntegrityCheck } from './audit-integrity.js'
import { auditedLook } from './audited-look.js'
import { type SecurityPorts, takeSecuritySnapshot } from './security-snapshot.js'
import { SecuritySnapshot } from './security-snapshot.types.js'

@Resolver()
export class SecuritySnapshotResolver {
  readonly #core: CoreServices
  readonly #parts: { readonly ports: SecurityPorts; readonly check: AuditIntegrityCheck }

  constructor(core: CoreServices, parts: { readonly ports: SecurityPorts; readonly check: AuditIntegrityCheck }) {
    this.#core = core
    this.#parts = parts
  }

  @Query(() => SecuritySnapshot, {
    description:
      'How safe the control plane stands: clients, denials, limits, the change log, and findings that somebody should look at. Looking is noted in the audit events.',
  })
  @Operation({ permission: 'security:read', cost: 20 })
  securitySnapshot(@Ctx() context: RequestContext): Promise<SecuritySnapshot> {
    const { ports, check } = this.#parts
    const look = () => takeSecuritySnapshot(this.#core, ports, () => check.run())
    return auditedLook(this.#core, { operation: 'securitySnapshot', context }, look)
  }
}
