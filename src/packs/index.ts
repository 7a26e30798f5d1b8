import type { Pack } from '../core/pack.js'
import { adminOperations } from './admin-operations/index.js'
import { apiClients } from './api-clients/index.js'
import { configRegistry } from './config-registry/index.js'
import { featureFlags } from './feature-flags/index.js'
import { maintenance } from './maintenance/index.js'
import { systemStatus } from './system-status/index.js'

/** Every pack that stands for itself: a new one is a folder and a line here. */
const own: readonly Pack[] = [configRegistry, featureFlags, apiClients, maintenance, systemStatus]

/** Every pack of this build, the one that puts steps of the others together included. */
export const packs: readonly Pack[] = [
  ...own,
  adminOperations({
    steps: own.flatMap(({ steps = [] }) => steps),
    collections: own.flatMap(({ collections }) => collections),
    smokeTester: () => ({ reserve: () => undefined }),
  }),
]
