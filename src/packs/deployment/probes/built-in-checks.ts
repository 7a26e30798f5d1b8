import type { SmokeCheckSpec } from '../checks/smoke-check.collection.js'
import type { CheckContext } from './check-context.js'
import { type ProbeSpec, probe } from './probe.js'
import { PROCESS_CHECKS } from './process-checks.js'
import { shakeHands } from './socket-probe.js'
import { skipped, type Verdict } from './verdict.js'

/** Where a check can be run: at any destination, at this service itself (it needs a key), or in this very process. */
export type CheckReach = 'anywhere' | 'own' | 'process'

/** A check that comes with the control plane. */
export interface BuiltInCheck extends SmokeCheckSpec {
  readonly reach: CheckReach
  run(context: CheckContext): Promise<Verdict>
}

/** What a check leaves open. */
type Parts = Pick<SmokeCheckSpec, 'name' | 'kind'> & Partial<SmokeCheckSpec> & Pick<ProbeSpec, 'sendsKey' | 'otherStatuses' | 'inspect'>

function specOf({ name, kind, path, query = null, expectStatus = 200, expectBody = null, isBlocking = true }: Parts): SmokeCheckSpec {
  const place = path ?? (kind === 'GRAPHQL' ? '/graphql' : '')
  return { name, kind, path: place, query, expectStatus, expectBody, maxLatencyMs: null, isBlocking }
}

function probing(reach: CheckReach, parts: Parts): BuiltInCheck {
  const spec = specOf(parts)
  const { sendsKey, otherStatuses, inspect } = parts
  return { ...spec, reach, run: (context) => probe({ ...spec, sendsKey, otherStatuses, inspect }, context) }
}

/** A key under which nobody keeps anything; it is planned with, never written. */
const CONFIG_KEY = 'smoke/round-trip'
const CONFIG_STEP = `{ setConfig: { key: "${CONFIG_KEY}", value: { isProbe: true } } }`
const CONFIG_ROUND_TRIP = `{
  write: plan(steps: [${CONFIG_STEP}]) { plan { targetType after } userErrors { code } }
  remove: plan(steps: [${CONFIG_STEP}, { deleteConfig: { key: "${CONFIG_KEY}" } }]) { plan { after } userErrors { code } }
}`

/** The entry is written, read back from the plan, and gone after it was deleted. */
function findRoundTripFault(body: unknown): string | undefined {
  const { write, remove } = (body as PlanAnswer).data ?? {}
  if (write?.userErrors?.length !== 0 || remove?.userErrors?.length !== 0) {
    return `A config entry under ${CONFIG_KEY} could not be planned. Delete the entry of that key if there is one; else look into the log.`
  }
  if (write.plan?.[0]?.after?.value?.isProbe !== true) {
    return 'A config entry that was written in a plan could not be read back from it. Look into the log.'
  }
  const isGone = remove.plan?.every(({ after }) => after === null) ?? false
  return isGone ? undefined : 'A config entry that was deleted in a plan is still in it. Look into the log.'
}

/** What may be hoped for of an answer. */
interface PlanAnswer {
  readonly data?: Partial<
    Record<'write' | 'remove', { plan?: { after: { value?: { isProbe?: unknown } } | null }[]; userErrors?: unknown[] } | null>
  > | null
}

const configRoundTrip = probing('own', {
  name: 'config-round-trip',
  kind: 'GRAPHQL',
  query: CONFIG_ROUND_TRIP,
  inspect: findRoundTripFault,
})

/** In the order in which they are begun. */
export const BUILT_IN_CHECKS: readonly BuiltInCheck[] = Object.freeze([
  probing('anywhere', { name: 'liveness', kind: 'HTTP', path: '/livez' }),
  probing('anywhere', { name: 'readiness', kind: 'HTTP', path: '/readyz' }),
  probing('own', { name: 'graphql', kind: 'GRAPHQL', query: '{ __typename }', expectBody: { data: { __typename: 'Query' } } }),
  probing('own', {
    name: 'authenticated-query',
    kind: 'GRAPHQL',
    query: '{ viewer { permissions } }',
    expectBody: { data: { viewer: {} } },
  }),
  // Refused because there have been too many such attempts is refused, too.
  probing('anywhere', {
    name: 'unauthenticated-query',
    kind: 'GRAPHQL',
    query: '{ viewer { permissions } }',
    sendsKey: false,
    expectStatus: 401,
    otherStatuses: [429],
  }),
  probing('own', {
    name: 'flag-evaluation',
    kind: 'GRAPHQL',
    query: '{ evaluateFlag(key: "smoke/no-such-flag") { key isEnabled } }',
    expectBody: { data: { evaluateFlag: { key: 'smoke/no-such-flag' } } },
  }),
  {
    ...configRoundTrip,
    run: (context) =>
      context.schema.getQueryType()?.getFields()['plan']
        ? configRoundTrip.run(context)
        : Promise.resolve(skipped('This build has no admin operations to plan with.')),
  },
  {
    ...specOf({ name: 'subscription', kind: 'GRAPHQL', query: '{ __typename }', expectStatus: 101 }),
    reach: 'own',
    run: shakeHands,
  },
  ...PROCESS_CHECKS.map(
    ({ name, isBlocking, run }): BuiltInCheck => ({ ...specOf({ name, kind: 'PROCESS', isBlocking }), reach: 'process', run }),
  ),
])

const NAMES: ReadonlySet<string> = new Set(BUILT_IN_CHECKS.map(({ name }) => name))

/** Whether a name is that of a built-in check. */
export function isBuiltIn(name: string): boolean {
  return NAMES.has(name)
}
