import type { CoreServices } from '../../../core/contract/core-services.js'
import { type Measure, samplesBy } from '../../../core/contract/measure.js'
import { FINDING_SEVERITIES, type SecurityFinding } from './security-snapshot.types.js'

/** What the last security snapshot of this process has found; nothing before the first one. */
export class FindingTally {
  #findings: readonly SecurityFinding[] | undefined

  note(findings: readonly SecurityFinding[]): void {
    this.#findings = findings
  }

  read() {
    const findings = this.#findings
    const count = (severity: string): number => findings?.filter((each) => each.severity === severity).length ?? 0
    return findings
      ? samplesBy(
          'severity',
          FINDING_SEVERITIES.map((severity) => [severity.toLowerCase(), count(severity)] as const),
        )
      : []
  }
}

/** The one tally of a server. */
export const findingTally = (_core: CoreServices): FindingTally => new FindingTally()

/** What operators can watch of the findings. */
export function findingMeasures(core: CoreServices): readonly Measure[] {
  const tally = core.once(findingTally)
  return [
    {
      name: 'valhalla_security_findings',
      help: 'Findings of the last securitySnapshot that this process was asked for, by severity; not there before the first one.',
      kind: 'gauge',
      labelNames: ['severity'],
      read: () => tally.read(),
    },
  ]
}
