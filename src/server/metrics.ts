import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { requestRates } from '../core/background/request-rates.js'
import type { Permission, Role } from '../core/contract/caller.js'
import type { CoreServices } from '../core/contract/core-services.js'
import { type Measure, samplesBy, single } from '../core/contract/measure.js'
import type { Ledger } from '../core/ledger/ledger.js'
import type { LoadGate } from './load/load-gate.js'
import { limitMeasures } from './rate-limit-metrics.js'

/** Who may read metrics. They belong to no pack. */
export const METRICS_READ = 'metrics:read'

/** What the server itself asks permissions for, with the least role that holds them. */
export const SERVER_PERMISSIONS: Readonly<Record<Permission, Role>> = { [METRICS_READ]: 'OBSERVER' }

/** One finished call. Both names come from closed sets (the schema's root fields, error codes), so that labels stay few. */
export interface ObservedCall {
  /** The root field; `multiple` for several, `none` when no operation was found. */
  readonly operation: string
  /** `ok`, `user_error` or the code of the first error. */
  readonly outcome: string
  /** Left out for what was refused before it was looked at. */
  readonly durationSeconds?: number
}

/** What operators watch. */
export interface Metrics {
  observe(call: ObservedCall): void
  /** Everything in Prometheus' text format. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>
  close(): void
}

/** From a quarter of a millisecond (a read from memory) to the time after which a write is given up, and beyond. */
const DURATION_BUCKETS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const SIZE_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 500, 1_000]
/** What is measured counts as a delay beyond this resolution of its timer, in milliseconds. */
const LOOP_RESOLUTION_MS = 20

/** What Node's own measures have twice, as they also count the time of their timer. */
const LOOP_LAG = 'nodejs_eventloop_lag'

/** What is watched besides the core. */
export interface Watched {
  readonly load: LoadGate
  /** What packs bring. */
  readonly measures: readonly Measure[]
  /** Subscriptions that are running. */
  countSubscriptions(): number
}

/** Metrics in a registry of their own. */
export function createMetrics({ ledger, limiter, once }: CoreServices, { load, measures, countSubscriptions }: Watched): Metrics {
  const register = new Registry()
  const registers = [register]
  const labelNames = ['operation', 'outcome'] as const
  const requests = new Counter({
    name: 'valhalla_requests_total',
    help: 'GraphQL operations by root field and outcome.',
    labelNames,
    registers,
  })
  const durations = new Histogram({
    name: 'valhalla_request_duration_seconds',
    help: 'Time that a GraphQL operation took, by root field and outcome.',
    labelNames,
    buckets: DURATION_BUCKETS,
    registers,
  })
  const rates = once(requestRates)
  const stopCommits = watchCommits(ledger, registers)
  const stopLoop = watchEventLoop(registers)
  const own = [...stateMeasures(ledger, countSubscriptions), ...limitMeasures(limiter), ...loadMeasures(load)]
  for (const measure of [...own, ...measures]) show(measure, registers)
  collectDefaultMetrics({ register })
  for (const { name } of register.getMetricsAsArray()) if (name.startsWith(LOOP_LAG)) register.removeSingleMetric(name)
  return {
    observe(call) {
      const { operation, outcome, durationSeconds } = call
      rates.note(call)
      const labels = { operation, outcome }
      requests.inc(labels)
      if (durationSeconds !== undefined) durations.observe(labels, durationSeconds)
    },
    text: async () => ({ contentType: register.contentType, body: await register.metrics() }),
    close() {
      stopCommits()
      stopLoop()
      register.clear()
    },
  }
}

function watchCommits(ledger: Ledger, registers: Registry[]): () => void {
  const commits = new Counter({ name: 'valhalla_commits_total', help: 'Revisions that became visible in this process.', registers })
  const sizes = new Histogram({ name: 'valhalla_commit_changes', help: 'Changes in one revision.', buckets: SIZE_BUCKETS, registers })
  return ledger.onCommit((changes) => {
    const sizeOf = new Map<number, number>()
    for (const { revision } of changes) sizeOf.set(revision, (sizeOf.get(revision) ?? 0) + 1)
    for (const size of sizeOf.values()) {
      commits.inc()
      sizes.observe(size)
    }
  })
}

function stateMeasures(ledger: Ledger, countSubscriptions: () => number): readonly Measure[] {
  const gauge = (name: string, help: string, read: () => number): Measure => single('gauge', name, { help, read })
  return [
    gauge('valhalla_revision', 'Revision that reads are answered from.', () => ledger.snapshot.revision),
    gauge('valhalla_revision_lag', 'Revisions that the database is known to be ahead.', () => ledger.status.revisionLag),
    gauge(
      'valhalla_snapshot_age_seconds',
      'Time since the snapshot was last known to be the newest state.',
      () => ledger.status.snapshotAgeMs / 1000,
    ),
    gauge('valhalla_database_reachable', '1 when the database answers, 0 when it does not.', () =>
      Number(ledger.status.isDatabaseReachable),
    ),
    gauge('valhalla_commands_waiting', 'Commands that wait to be committed.', () => ledger.queueLength),
    gauge('valhalla_subscriptions', 'Subscriptions that are running.', countSubscriptions),
  ]
}

/** Shows a measure: what it reads takes the place of what was shown before. */
function show({ name, help, kind, labelNames = [], read }: Measure, registers: Registry[]): void {
  const options = { name, help, labelNames, registers }
  if (kind === 'gauge') {
    new Gauge({
      ...options,
      collect() {
        this.reset()
        // Without labels it would be 0 now; one that has no sample yet is not there.
        if (labelNames.length === 0) this.remove()
        for (const { labels = {}, value } of read()) this.set(labels, value)
      },
    })
  } else {
    new Counter({
      ...options,
      collect() {
        this.reset()
        for (const { labels = {}, value } of read()) this.inc(labels, value)
      },
    })
  }
}

function loadMeasures(load: LoadGate): readonly Measure[] {
  return [
    {
      name: 'valhalla_operations_in_flight',
      help: 'Operations that have begun and not ended, by what they wait for.',
      kind: 'gauge',
      labelNames: ['kind'],
      read: () => samplesBy('kind', Object.entries(load.inFlight)),
    },
    {
      name: 'valhalla_requests_shed_total',
      help: 'Requests that were refused since there was too much to do, by what there was too much of.',
      kind: 'counter',
      labelNames: ['reason'],
      read: () => samplesBy('reason', load.shed),
    },
  ]
}

function watchEventLoop(registers: Registry[]): () => void {
  const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delays.enable()
  const delay = new Gauge({
    name: 'valhalla_event_loop_delay_seconds',
    help: 'How late the event loop was since the last collection.',
    labelNames: ['quantile'] as const,
    registers,
    collect() {
      for (const percentile of [50, 99, 100]) {
        const lateMs = delays.count === 0 ? 0 : Math.max(0, delays.percentile(percentile) / 1e6 - LOOP_RESOLUTION_MS)
        delay.set({ quantile: String(percentile / 100) }, lateMs / 1000)
      }
      delays.reset()
    },
  })
  return () => delays.disable()
}
