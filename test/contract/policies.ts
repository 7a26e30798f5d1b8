import type { Role } from '../../src/core/contract/caller.js'
import type { AllowedDuring } from '../../src/core/contract/operation.js'

/** What an operation demands: the least role that may call it (`ANY`: any key that works), and when it is answered. */
export type Demand = readonly [least: Role | 'ANY', during: AllowedDuring]

/**
 * Who may do what, and when, written down once. `always`: in every mode. `read`: in MAINTENANCE only for those who watch or
 * mend (OPERATOR, ADMIN, HEIMDALL clients). `write`: in NORMAL only. A root field without a row here fails the matrix.
 */
export const POLICIES: Readonly<Record<string, Demand>> = {
  'query operations': ['OBSERVER', 'read'],
  'query search': ['OBSERVER', 'read'],

  'query config': ['OBSERVER', 'read'],
  'query configs': ['OBSERVER', 'read'],
  'query configPrefixes': ['OBSERVER', 'read'],
  'mutation setConfig': ['OPERATOR', 'write'],
  'mutation deleteConfig': ['OPERATOR', 'write'],
  'mutation unlockConfig': ['ADMIN', 'write'],

  'query featureFlag': ['OBSERVER', 'read'],
  'query featureFlags': ['OBSERVER', 'read'],
  'query featureFlagGroups': ['OBSERVER', 'read'],
  'query isFeatureEnabled': ['EVALUATOR', 'always'],
  'query evaluateFlag': ['EVALUATOR', 'always'],
  'query evaluateFlags': ['EVALUATOR', 'always'],
  'mutation setFeatureFlag': ['OPERATOR', 'write'],
  'mutation deleteFeatureFlag': ['OPERATOR', 'write'],

  'query deploymentProfile': ['OBSERVER', 'read'],
  'query requestRates': ['OBSERVER', 'read'],
  'query smokeTestRun': ['OBSERVER', 'read'],
  'query smokeTestRuns': ['OBSERVER', 'read'],
  'query smokeHistory': ['OBSERVER', 'read'],
  'query smokeChecks': ['OBSERVER', 'read'],
  'mutation runSmokeTest': ['OPERATOR', 'always'],
  'mutation setSmokeCheck': ['OPERATOR', 'write'],
  'mutation deleteSmokeCheck': ['OPERATOR', 'write'],
  'subscription smokeTestProgress': ['OBSERVER', 'read'],
  'subscription smokeTestRuns': ['OBSERVER', 'read'],

  'query rateLimitRule': ['OBSERVER', 'read'],
  'query rateLimitRules': ['OBSERVER', 'read'],
  'query rateLimitSnapshots': ['OBSERVER', 'read'],
  'mutation setRateLimitRule': ['OPERATOR', 'write'],
  'mutation deleteRateLimitRule': ['OPERATOR', 'write'],
  'mutation consumeRateLimit': ['OPERATOR', 'always'],

  'query viewer': ['ANY', 'always'],
  'query apiClient': ['OBSERVER', 'read'],
  'query apiClients': ['OBSERVER', 'read'],
  'mutation registerApiClient': ['ADMIN', 'write'],
  'mutation updateApiClient': ['ADMIN', 'write'],
  'mutation activateApiClient': ['ADMIN', 'write'],
  'mutation deactivateApiClient': ['ADMIN', 'always'],
  'mutation rotateApiKey': ['ADMIN', 'always'],
  'mutation openSession': ['ANY', 'always'],
  'mutation verifyApiKey': ['OPERATOR', 'always'],

  'query maintenanceState': ['EVALUATOR', 'always'],
  'query maintenanceWindow': ['OBSERVER', 'read'],
  'query maintenanceWindows': ['OBSERVER', 'read'],
  'mutation setMaintenanceMode': ['OPERATOR', 'always'],
  'mutation scheduleMaintenanceWindow': ['OPERATOR', 'write'],
  'mutation updateMaintenanceWindow': ['OPERATOR', 'write'],
  'mutation cancelMaintenanceWindow': ['OPERATOR', 'always'],
  'subscription maintenanceState': ['EVALUATOR', 'always'],

  'query change': ['OBSERVER', 'read'],
  'query changes': ['OBSERVER', 'read'],
  'query auditEvents': ['OPERATOR', 'read'],
  'query auditIntegrity': ['OBSERVER', 'read'],
  'query securitySnapshot': ['OBSERVER', 'read'],
  'query revision': ['OBSERVER', 'read'],
  'query revisions': ['OBSERVER', 'read'],
  'query compareRevisions': ['OBSERVER', 'read'],
  'query exportState': ['OBSERVER', 'read'],
  'query plan': ['OBSERVER', 'read'],
  // Its steps bring their own demands.
  'mutation runAdminOperation': ['OPERATOR', 'write'],
  'mutation revertRevision': ['OPERATOR', 'write'],
  'mutation restoreObject': ['OPERATOR', 'write'],
  'subscription auditEvents': ['OPERATOR', 'read'],
  'subscription changes': ['OBSERVER', 'read'],

  'query systemStatus': ['EVALUATOR', 'always'],
  'subscription systemStatus': ['EVALUATOR', 'always'],
  'query systemSummary': ['EVALUATOR', 'always'],
  'query packs': ['OBSERVER', 'read'],
  'query pack': ['OBSERVER', 'read'],
  'mutation markBackendComplete': ['OPERATOR', 'write'],
  'mutation markBackendIncomplete': ['OPERATOR', 'write'],
  'mutation updateSystemVersion': ['OPERATOR', 'write'],
}
