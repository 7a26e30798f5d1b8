import { definePack } from '../../core/contract/pack.js'
import { AUDIT_READ, AuditEventResolver } from './audit/audit-event.resolver.js'
import { integrityMeasures } from './audit/audit-integrity.js'
import { AuditIntegrityResolver } from './audit/audit-integrity.resolver.js'
import { findingMeasures } from './audit/finding-tally.js'
import { SECURITY_READ, SecuritySnapshotResolver } from './audit/security-snapshot.resolver.js'
import { CHANGES_READ, ChangeResolver } from './changes/change.resolver.js'
import { restoreObject } from './history/restore-object.write.js'
import { RevisionResolver } from './history/revision.resolver.js'
import { STATE_EXPORT, StateExportResolver } from './history/state-export.resolver.js'
import { AdminOperationResolver, OPERATIONS_PLAN, OPERATIONS_RUN } from './operations/admin-operation.resolver.js'
import { guardedOperationCollection, OPERATIONS_REVERT } from './smoke-guard/guarded-operation.collection.js'
import { smokeGuard } from './smoke-guard/smoke-guard.js'

export { Revision } from './history/revision.types.js'
export { OPERATIONS_RUN } from './operations/admin-operation.resolver.js'
export { declareSteps, RunAdminOperationPayload } from './operations/admin-operation.types.js'
export { prover, type SecuritySources, securitySources } from './ports.js'

/** UF: changes over several packs as one operation, the change log, and what was refused or tried. */
export const adminOperations = definePack({
  id: 'UF',
  collections: [guardedOperationCollection],
  permissions: {
    [CHANGES_READ]: 'OBSERVER',
    [OPERATIONS_PLAN]: 'OBSERVER',
    [OPERATIONS_RUN]: 'OPERATOR',
    [OPERATIONS_REVERT]: 'OPERATOR',
    [AUDIT_READ]: 'OPERATOR',
    [SECURITY_READ]: 'OBSERVER',
    [STATE_EXPORT]: 'OBSERVER',
  },
  writes: [restoreObject],
  resolvers: [
    ChangeResolver,
    AuditEventResolver,
    AuditIntegrityResolver,
    SecuritySnapshotResolver,
    AdminOperationResolver,
    RevisionResolver,
    StateExportResolver,
  ],
  measures: (core) => [...findingMeasures(core), ...integrityMeasures(core)],
  run: (core) => core.once(smokeGuard).run(),
})
