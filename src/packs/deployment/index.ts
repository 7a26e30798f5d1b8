import { definePack } from '../../core/contract/pack.js'
import { SMOKE_READ, SMOKE_RUN, SMOKE_WRITE, smokeCheckCollection } from './checks/smoke-check.collection.js'
import { SmokeCheckResolver } from './checks/smoke-check.resolver.js'
import { smokeCheckWrites } from './checks/smoke-check.writes.js'
import { deploymentMeasures } from './deployment-measures.js'
import { DEPLOYMENT_READ, DeploymentProfileResolver } from './profile/deployment-profile.resolver.js'
import { RequestRatesResolver } from './profile/request-rates.resolver.js'
import { SmokeRunResolver } from './runs/smoke-run.resolver.js'
import { smokeRunner } from './runs/smoke-runner.js'

export { SmokeTestRun } from './runs/smoke-test.types.js'
export { smokeRunner }

/** UB: what runs here, and whether it works. */
export const deployment = definePack({
  id: 'UB',
  collections: [smokeCheckCollection],
  permissions: { [DEPLOYMENT_READ]: 'OBSERVER', [SMOKE_READ]: 'OBSERVER', [SMOKE_WRITE]: 'OPERATOR', [SMOKE_RUN]: 'OPERATOR' },
  writes: smokeCheckWrites,
  resolvers: [DeploymentProfileResolver, RequestRatesResolver, SmokeCheckResolver, SmokeRunResolver],
  measures: deploymentMeasures,
  run: (core) => () => core.once(smokeRunner).settled(),
})
