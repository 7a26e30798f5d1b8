import { Counter, Gauge, type Registry } from 'prom-client'
import type { LimiterStatus, RateLimiter } from '../core/contract/limiter.js'

type Reading = readonly [name: string, help: string, read: (status: LimiterStatus) => number]

const COUNTERS: readonly Reading[] = [
  [
    'valhalla_authentication_denials_total',
    'Calls without a valid key beyond what one address may send.',
    ({ authenticationDenials }) => authenticationDenials,
  ],
  ['valhalla_rate_limit_evictions_total', 'Subjects that were forgotten early, for there were too many.', ({ evictions }) => evictions],
  ['valhalla_rate_limit_redis_outages_total', 'Times that Redis was lost.', ({ redis }) => redis?.outages ?? 0],
  [
    'valhalla_rate_limit_insured_calls_total',
    'Calls that were counted in memory, for Redis was away.',
    ({ redis }) => redis?.insuredCalls ?? 0,
  ],
]

const GAUGES: readonly Reading[] = [
  ['valhalla_rate_limit_subjects', 'Subjects whose counters are in memory.', ({ subjects }) => subjects],
  [
    'valhalla_rate_limit_redis_reachable',
    '1 when limits are counted in Redis, 0 when they are counted in memory.',
    ({ redis }) => Number(redis?.isReachable ?? false),
  ],
]

/** Shows what the limiter has counted. */
export function watchLimits(limiter: Pick<RateLimiter, 'status'>, registers: Registry[]): void {
  const denials = new Counter({
    name: 'valhalla_rate_limit_denials_total',
    help: 'Calls beyond a rate limit, by the scope of the rule; those of shadow rules were let through.',
    labelNames: ['scope', 'shadow'] as const,
    registers,
    collect() {
      denials.reset()
      const { denials: enforced, shadowDenials } = limiter.status
      for (const [scope, count] of Object.entries(enforced)) denials.inc({ scope, shadow: 'false' }, count)
      for (const [scope, count] of Object.entries(shadowDenials)) denials.inc({ scope, shadow: 'true' }, count)
    },
  })
  for (const [name, help, read] of COUNTERS) {
    const collect = function (this: Counter): void {
      this.reset()
      this.inc(read(limiter.status))
    }
    new Counter({ name, help, registers, collect })
  }
  for (const [name, help, read] of GAUGES) {
    const collect = function (this: Gauge): void {
      this.set(read(limiter.status))
    }
    new Gauge({ name, help, registers, collect })
  }
}
