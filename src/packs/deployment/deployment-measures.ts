import type { CoreServices } from '../../core/contract/core-services.js'
import type { Measure } from '../../core/contract/measure.js'
import { buildInfo } from './profile/build-info.js'
import { smokeRunner } from './runs/smoke-runner.js'

/** What operators can watch of the build and of smoke tests. */
export function deploymentMeasures(core: CoreServices): readonly Measure[] {
  const { version, commit } = buildInfo()
  const labels = { version, commit: commit ?? 'unknown', node: process.versions.node }
  const build: Measure = {
    name: 'valhalla_build_info',
    help: 'Always 1; its labels say what runs here.',
    kind: 'gauge',
    labelNames: Object.keys(labels),
    read: () => [{ value: 1, labels }],
  }
  return [build, ...core.once(smokeRunner).tally.measures()]
}
