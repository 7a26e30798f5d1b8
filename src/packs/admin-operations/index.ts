import type { AdminStep } from '../../core/contract/admin-step.js'
import type { CoreServices } from '../../core/contract/core-services.js'
import type { Pack } from '../../core/contract/pack.js'
import type { SmokeTester } from '../../core/contract/smoke-test.js'
import type { AnyCollection } from '../../core/state/collection.js'
import { AuditEventResolver } from './audit/audit-event.resolver.js'
import { AuditIntegrityCheck } from './audit/audit-integrity.js'
import { AuditIntegrityResolver } from './audit/audit-integrity.resolver.js'
import type { SecurityPorts } from './audit/security-snapshot.js'
import { SecuritySnapshotResolver } from './audit/security-snapshot.resolver.js'
import { changeResolver } from './changes/change.resolver.js'
import { adminOperationResolver } from './operations/admin-operation.resolver.js'
import { AdminOperationService } from './operations/admin-operation.service.js'
import { runAdminOperationInput } from './operations/admin-operation.types.js'

/** What the other packs bring to admin operations. */
export interface AdminOperationsPorts {
  readonly steps: readonly AdminStep[]
  readonly collections: readonly AnyCollection[]
  smokeTester(core: CoreServices): SmokeTester
  readonly security: SecurityPorts
}

/** UF: changes over several packs as one operation, the change log, and what was refused or tried. */
export function adminOperations({ steps, collections, smokeTester, security }: AdminOperationsPorts): Pack {
  const AdminOperationResolver = adminOperationResolver(runAdminOperationInput(steps))
  return {
    id: 'UF',
    collections: [],
    permissions: {
      'changes:read': 'OBSERVER',
      'operations:run': 'OPERATOR',
      'operations:revert': 'OPERATOR',
      'audit:read': 'OPERATOR',
      'security:read': 'OPERATOR',
    },
    resolvers(core) {
      const check = new AuditIntegrityCheck(core)
      return [
        changeResolver(core),
        new AuditEventResolver(core),
        new AuditIntegrityResolver(check),
        new SecuritySnapshotResolver(core, { ports: security, check }),
        new AdminOperationResolver(new AdminOperationService({ core, steps, collections, smokeTester: smokeTester(core) })),
      ]
    },
  }
}
