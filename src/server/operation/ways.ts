import { type Measure, samplesBy } from '../../core/contract/measure.js'

/**
 * What leads to the execution of an operation: `apollo` (the reference, and whatever has to be told by it), `short` (a plain POST of a
 * document that is known), `socket`.
 */
export type Way = 'apollo' | 'short' | 'socket'

/** What a server may take instead of the reference; tests leave it out to compare the two. */
export interface Shortcuts {
  /** A plain POST of a known document does without Apollo. */
  readonly isApolloSpared: boolean
  /** Queries that are used again are executed by a plan instead of graphql-js. */
  readonly isPlanned: boolean
}

/** What a server takes, if it is not told otherwise. */
export const SHORTCUTS: Shortcuts = { isApolloSpared: true, isPlanned: true }

/** Counts executed operations by their way. */
export type WayTally = Record<Way, number>

/** What is counted of ways. */
export function wayMeasure(tally: WayTally): Measure {
  return {
    name: 'valhalla_executions_total',
    help: 'Queries and mutations that were executed, by the way that they came.',
    kind: 'counter',
    labelNames: ['way'],
    read: () => samplesBy('way', Object.entries(tally)),
  }
}
