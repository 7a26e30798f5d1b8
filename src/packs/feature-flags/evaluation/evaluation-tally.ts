import type { CoreServices } from '../../../core/contract/core-services.js'
import type { Measure, Sample } from '../../../core/contract/measure.js'
import type { Evaluation } from './evaluation.js'

/** Flags that are counted by name: the first ones that are asked for. Each is up to three lines of the metrics. */
const MAX_NAMED = 100

type Counts = Record<'on' | 'off' | 'missing' | 'error', number>

const noCounts = (): Counts => ({ on: 0, off: 0, missing: 0, error: 0 })

/** How often flags were evaluated, and with what outcome. */
export class EvaluationTally {
  readonly #named = new Map<string, Counts>()
  /** Of flags that there are not, whose names clients choose, and of those beyond the first ones. */
  readonly #other = noCounts()

  /** Costs one look into a map. */
  count({ key, isEnabled, reason }: Pick<Evaluation, 'key' | 'isEnabled' | 'reason'>, isKnown: boolean): void {
    if (isKnown) this.#countsOf(key)[reason === 'ERROR' ? 'error' : isEnabled ? 'on' : 'off'] += 1
    else this.#other.missing += 1
  }

  #countsOf(key: string): Counts {
    const known = this.#named.get(key)
    if (known) return known
    if (this.#named.size >= MAX_NAMED) return this.#other
    const counts = noCounts()
    this.#named.set(key, counts)
    return counts
  }

  *samples(): Generator<Sample> {
    // No flag is called this: keys have no blank.
    for (const [flag, counts] of [...this.#named, ['all others', this.#other] as const])
      for (const [outcome, value] of Object.entries(counts)) if (value > 0) yield { value, labels: { flag, outcome } }
  }
}

/** The one tally of a server. */
export const evaluationTally = (_core: CoreServices): EvaluationTally => new EvaluationTally()

/** What operators can watch of evaluations. */
export function evaluationMeasures(core: CoreServices): readonly Measure[] {
  const tally = core.once(evaluationTally)
  return [
    {
      name: 'valhalla_flag_evaluations_total',
      help: `Evaluations by flag and outcome; the first ${MAX_NAMED} flags by name, the rest together.`,
      kind: 'counter',
      labelNames: ['flag', 'outcome'],
      read: () => tally.samples(),
    },
  ]
}
