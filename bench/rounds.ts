import type { Measurement } from './measurement.js'
import { type Spread, spreadOf } from './statistics.js'

/** Something that is measured again and again. */
export interface Scenario {
  readonly name: string
  /** The scenarios whose rates this one's is divided by. */
  readonly baselines?: readonly string[]
  measure(): Promise<Measurement>
}

/** A rate against another one. */
export interface Ratio {
  readonly baseline: string
  readonly spread: Spread
}

/** What a scenario came to over all rounds. */
export interface Row {
  readonly name: string
  readonly perSecond: Spread
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  /** Rate divided by each baseline's rate of the same round. */
  readonly ratios: readonly Ratio[]
  readonly rounds: readonly Measurement[]
}

/**
 * Measures every scenario once in each round, in turn and every other round in reverse, so that whatever slows the machine
 * down for a while slows a scenario and its baseline alike.
 *
 * @throws Error when a ratio is not a finite number above 0
 */
export async function runRounds(scenarios: readonly Scenario[], rounds: number): Promise<Row[]> {
  const measured = new Map<string, Measurement[]>(scenarios.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, measure } of round % 2 === 0 ? scenarios : scenarios.toReversed()) measured.get(name)?.push(await measure())
  }
  return scenarios.map((scenario) => rowOf(scenario, measured))
}

function rowOf({ name, baselines = [] }: Scenario, measured: ReadonlyMap<string, readonly Measurement[]>): Row {
  const rounds = measured.get(name) ?? []
  const spread = (pick: (measurement: Measurement) => number): Spread => spreadOf(rounds.map(pick))
  return {
    name,
    perSecond: spread(({ perSecond }) => perSecond),
    p50Ms: spread(({ p50Ms }) => p50Ms),
    p99Ms: spread(({ p99Ms }) => p99Ms),
    ratios: baselines.map((baseline) => ({
      baseline,
      spread: spreadOf(ratiosOf({ name, rounds }, { name: baseline, rounds: measured.get(baseline) ?? [] })),
    })),
    rounds,
  }
}

interface Measured {
  readonly name: string
  readonly rounds: readonly Measurement[]
}

function ratiosOf(scenario: Measured, baseline: Measured): number[] {
  return scenario.rounds.map(({ perSecond }, round) => {
    const ratio = perSecond / (baseline.rounds[round]?.perSecond ?? Number.NaN)
    if (!Number.isFinite(ratio) || ratio <= 0)
      throw new Error(`${scenario.name} against ${baseline.name} came to ${ratio} in round ${round}`)
    return ratio
  })
}
