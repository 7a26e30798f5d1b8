import { type Measure, type Sample, samplesBy } from '../../../core/contract/measure.js'
import type { SmokeCheckStatus, SmokeTestRun } from './smoke-test.types.js'

/** What the runs of this process came to. */
export class SmokeTally {
  readonly #runs = new Map<'passed' | 'failed' | 'abandoned', number>([
    ['passed', 0],
    ['failed', 0],
    ['abandoned', 0],
  ])
  readonly #checks = new Map<SmokeCheckStatus, number>([
    ['PASSED', 0],
    ['FAILED', 0],
    ['SKIPPED', 0],
  ])
  #lastPassedAt: Date | null = null

  count({ isOk, results, finishedAt }: Pick<SmokeTestRun, 'isOk' | 'results' | 'finishedAt'>): void {
    const outcome = isOk ? 'passed' : 'failed'
    this.#runs.set(outcome, (this.#runs.get(outcome) ?? 0) + 1)
    for (const { status } of results) this.#checks.set(status, (this.#checks.get(status) ?? 0) + 1)
    if (isOk) this.#lastPassedAt = finishedAt
  }

  /** A run that could not be brought to its end. */
  abandon(): void {
    this.#runs.set('abandoned', (this.#runs.get('abandoned') ?? 0) + 1)
  }

  measures(): readonly Measure[] {
    const counter = (name: string, help: string, read: () => Sample[]): Measure => ({
      name,
      help,
      kind: 'counter',
      labelNames: ['outcome'],
      read,
    })
    return [
      counter('valhalla_smoke_runs_total', 'Smoke tests that this process ran, by outcome.', () => samplesBy('outcome', this.#runs)),
      counter('valhalla_smoke_checks_total', 'Checks of these smoke tests, by outcome.', () =>
        samplesBy(
          'outcome',
          [...this.#checks].map(([status, count]) => [status.toLowerCase(), count] as const),
        ),
      ),
      {
        name: 'valhalla_smoke_last_success_timestamp_seconds',
        help: 'When a smoke test of this process last passed; not there before the first one.',
        kind: 'gauge',
        read: () => (this.#lastPassedAt ? [{ value: this.#lastPassedAt.getTime() / 1000 }] : []),
      },
    ]
  }
}
