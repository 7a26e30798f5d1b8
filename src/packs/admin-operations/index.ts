import type { AdminStep } from '../../core/admin-step.js'
import type { CoreServices, Pack } from '../../core/pack.js'
import type { SmokeTester } from '../../core/smoke-test.js'
import type { AnyCollection } from '../../core/state/collection.js'
import { adminOperationResolver } from './admin-operation.resolver.js'
import { AdminOperationService } from './admin-operation.service.js'
import { runAdminOperationInput } from './admin-operation.types.js'
import { AuditIntegrityResolver } from './audit-integrity.resolver.js'
import { changeResolver } from './change.resolver.js'

/** What the other packs bring to admin operations. */
export interface AdminOperationsPorts {
  readonly steps: readonly AdminStep[]
  readonly collections: readonly AnyCollection[]
  smokeTester(core: CoreServices): SmokeTester
}

/** UF: changes over several packs as one operation, and the change log. */
export function adminOperations({ steps, collections, smokeTester }: AdminOperationsPorts): Pack {
  const AdminOperationResolver = adminOperationResolver(runAdminOperationInput(steps))
  return {
    id: 'UF',
    collections: [],
    permissions: {
      'changes:read': 'OBSERVER',
      'operations:run': 'OPERATOR',
      'operations:revert': 'OPERATOR',
      'audit:read': 'OPERATOR',
    },
    resolvers: (core) => [
      changeResolver(core),
      new AuditIntegrityResolver(core),
      new AdminOperationResolver(new AdminOperationService({ core, steps, collections, smokeTester: smokeTester(core) })),
    ],
  }
}
