import type { CoreServices } from '../../core/contract/core-services.js'
import type { Pack } from '../../core/contract/pack.js'
import type { SmokeTester } from '../../core/contract/smoke-test.js'
import { smokeChecks } from './checks/smoke-check.collection.js'
import { deleteSmokeCheck, setSmokeCheck } from './checks/smoke-check.commands.js'
import { DeleteSmokeCheckInput, SetSmokeCheckInput } from './checks/smoke-check.inputs.js'
import { SmokeCheckResolver } from './checks/smoke-check.resolver.js'
import { DeploymentProfileResolver } from './profile/deployment-profile.resolver.js'
import { smokeRunResolver } from './runs/smoke-run.resolver.js'
import { runnerOf } from './runs/smoke-runner.js'

/** UB: what runs here, and whether it works. */
export const deployment: Pack = {
  id: 'UB',
  collections: [smokeChecks],
  permissions: { 'deployment:read': 'OBSERVER', 'smoke:read': 'OBSERVER', 'smoke:write': 'OPERATOR', 'smoke:run': 'OPERATOR' },
  steps: [
    { name: setSmokeCheck.name, input: SetSmokeCheckInput, description: 'Adds a smoke check or changes it.', command: () => setSmokeCheck },
    { name: deleteSmokeCheck.name, input: DeleteSmokeCheckInput, description: 'Deletes a smoke check.', command: () => deleteSmokeCheck },
  ],
  resolvers: (core) => [new DeploymentProfileResolver(core), new SmokeCheckResolver(core), smokeRunResolver(core)],
}

/** Proves that this process works, in the same turn as runSmokeTest: there is one run at a time. */
export function createSmokeTester(core: CoreServices): SmokeTester {
  return runnerOf(core)
}
