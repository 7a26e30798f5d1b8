import type { Pack } from '../core/pack.js'
import { adminOperations } from './admin-operations/index.js'
import { apiClients } from './api-clients/index.js'
import { configRegistry } from './config-registry/index.js'
import { featureFlags } from './feature-flags/index.js'
import { systemStatus } from './system-status/index.js'

/** Every pack of this build: a new one is a folder and a line here. */
export const packs: readonly Pack[] = [configRegistry, featureFlags, apiClients, adminOperations, systemStatus]
