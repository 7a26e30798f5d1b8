import type { Pack } from '../core/contract/pack.js'
import { adminOperations, declareSteps } from './admin-operations/index.js'
import { apiClients } from './api-clients/index.js'
import { configRegistry } from './config-registry/index.js'
import { deployment } from './deployment/index.js'
import { featureFlags } from './feature-flags/index.js'
import { ViewerRateLimitsResolver } from './joins.js'
import { maintenance } from './maintenance/index.js'
import { operationIndex } from './operation-index/index.js'
import { rateLimits } from './rate-limits/index.js'
import { systemStatus } from './system-status/index.js'

export { bindings } from './joins.js'

/** Every pack of this build: a new one is a folder and a line here. */
export const packs: readonly Pack[] = [
  operationIndex,
  configRegistry,
  featureFlags,
  deployment,
  apiClients,
  maintenance,
  { ...rateLimits, resolvers: [...rateLimits.resolvers, ViewerRateLimitsResolver] },
  systemStatus,
  adminOperations,
]

declareSteps(packs.flatMap(({ writes = [] }) => writes))
