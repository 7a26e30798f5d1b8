import type { CoreServices } from '../../../core/contract/core-services.js'
import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { type SmokeCheckRecord, smokeCheckCollection } from '../checks/smoke-check.collection.js'
import { type Destination, destinationOf } from '../outgoing/destination.js'
import { BUILT_IN_CHECKS, type BuiltInCheck } from '../probes/built-in-checks.js'
import { probe } from '../probes/probe.js'
import { skipped } from '../probes/verdict.js'

/** Most names that one run may select. */
const MAX_NAMES = 200

/** A check that a run does. */
export type RunnableCheck = Pick<BuiltInCheck, 'name' | 'query' | 'maxLatencyMs' | 'isBlocking' | 'reach' | 'run'>

/** What a run does, and where. */
export interface RunSelection {
  readonly baseUrl: string
  readonly destination: Destination
  readonly checks: readonly RunnableCheck[]
}

/** How a run may be narrowed down. */
export interface RunRequest {
  /** Left out: where this process listens. */
  readonly baseUrl?: URL | null
  /** Left out: every check that is enabled. */
  readonly checks?: readonly string[] | null
}

/** A selection, or everything that is wrong with the request. */
export type RunSelectionResult =
  | { readonly ok: true; readonly selection: RunSelection }
  | { readonly ok: false; readonly userErrors: readonly UserErrorData[] }

/** Finds out what a request asks for. */
export function selectRun(core: CoreServices, request: RunRequest): RunSelectionResult {
  const { settings, service } = core
  const { publicUrl } = settings
  const ownUrls = [service.door.url, ...(publicUrl === undefined ? [] : [publicUrl])]
  const url = request.baseUrl ?? new URL(service.door.url)
  const found = destinationOf(url, { ownUrls, allowedOrigins: settings.smokeAllowedOrigins })
  const faults = 'fault' in found ? [userError('INVALID', ['baseUrl'], found.fault)] : []
  const { checks, faults: nameFaults } = selectChecks(core, request.checks ?? undefined)
  faults.push(...nameFaults)
  if (faults.length > 0 || !('destination' in found)) return { ok: false, userErrors: faults }
  const { destination } = found
  return { ok: true, selection: { baseUrl: `${destination.origin}${destination.prefix}`, destination, checks } }
}

function selectChecks(core: CoreServices, names: readonly string[] | undefined): { checks: RunnableCheck[]; faults: UserErrorData[] } {
  const custom = [...core.ledger.snapshot.view(smokeCheckCollection).values()]
  if (!names) return { checks: [...BUILT_IN_CHECKS, ...custom.filter(({ isEnabled }) => isEnabled).map(toRunnable)], faults: [] }
  if (names.length === 0)
    return { checks: [], faults: [userError('INVALID', ['checks'], 'Name at least one check, or leave it out to run all of them.')] }
  if (names.length > MAX_NAMES)
    return { checks: [], faults: [userError('LIMIT_EXCEEDED', ['checks'], `Name at most ${MAX_NAMES} checks.`)] }
  const byName = new Map<string, RunnableCheck>([...BUILT_IN_CHECKS, ...custom.map(toRunnable)].map((check) => [check.name, check]))
  const faults = names.flatMap((name, index) =>
    byName.has(name)
      ? []
      : [userError('NOT_FOUND', ['checks', String(index)], 'There is no check of this name; smokeCheckCollection lists them.')],
  )
  const wanted = new Set(names)
  return { checks: [...byName.values()].filter(({ name }) => wanted.has(name)), faults }
}

function toRunnable(record: SmokeCheckRecord): RunnableCheck {
  const { name, query, maxLatencyMs, isBlocking, isEnabled, kind } = record
  const reach = kind === 'GRAPHQL' ? 'own' : 'anywhere'
  const run: RunnableCheck['run'] = (context) =>
    isEnabled ? probe(record, context) : Promise.resolve(skipped('The check is switched off (isEnabled is false).'))
  return { name, query, maxLatencyMs, isBlocking, reach, run }
}
