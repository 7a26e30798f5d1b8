import type { Pack } from '../core/contract/pack.js'
import { adminOperations } from './admin-operations/index.js'
import { apiClients, clientFacts } from './api-clients/index.js'
import { configRegistry } from './config-registry/index.js'
import { createSmokeTester, deployment } from './deployment/index.js'
import { featureFlags } from './feature-flags/index.js'
import { maintenance, maintenanceAt } from './maintenance/index.js'
import { operationIndex } from './operation-index/index.js'
import { rateLimitRules, rateLimits } from './rate-limits/index.js'
import { systemStatus } from './system-status/index.js'

/** Every pack that stands for itself: a new one is a folder and a line here. */
const own: readonly Pack[] = [operationIndex, configRegistry, featureFlags, deployment, apiClients, maintenance, rateLimits, systemStatus]

/** Every pack of this build, the one that puts steps of the others together included. */
export const packs: readonly Pack[] = [
  ...own,
  adminOperations({
    steps: own.flatMap(({ steps = [] }) => steps),
    collections: own.flatMap(({ collections }) => collections),
    smokeTester: createSmokeTester,
    security: {
      clients: clientFacts,
      maintenanceMode: (snapshot, now) => maintenanceAt(snapshot, now).mode,
      hasRateLimit: (snapshot) => [...snapshot.view(rateLimitRules).values()].some(({ isEnabled, isShadow }) => isEnabled && !isShadow),
    },
  }),
]
