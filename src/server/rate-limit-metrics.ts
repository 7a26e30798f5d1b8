import { Counter, Gauge, type Registry } from 'prom-client'
import type { RateLimiter } from '../core/contract/limiter.js'

/** Shows what the limiter has counted. */
export function watchLimits(limiter: Pick<RateLimiter, 'status'>, registers: Registry[]): void {
  const counter = (name: string, help: string, read: () => number): void => {
    const metric: Counter = new Counter({
      name,
      help,
      registers,
      collect() {
        metric.reset()
        metric.inc(read())
      },
    })
  }
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
  counter(
    'valhalla_authentication_denials_total',
    'Calls without a valid key beyond what one address may send.',
    () => limiter.status.authenticationDenials,
  )
  counter(
    'valhalla_rate_limit_evictions_total',
    'Subjects that were forgotten early, for there were too many.',
    () => limiter.status.evictions,
  )
  counter('valhalla_rate_limit_redis_outages_total', 'Times that Redis was lost.', () => limiter.status.redis?.outages ?? 0)
  counter(
    'valhalla_rate_limit_insured_calls_total',
    'Calls that were counted in memory, for Redis was away.',
    () => limiter.status.redis?.insuredCalls ?? 0,
  )
  const subjects: Gauge = new Gauge({
    name: 'valhalla_rate_limit_subjects',
    help: 'Subjects whose counters are in memory.',
    registers,
    collect: () => subjects.set(limiter.status.subjects),
  })
  const reachable: Gauge = new Gauge({
    name: 'valhalla_rate_limit_redis_reachable',
    help: '1 when limits are counted in Redis, 0 when they are counted in memory.',
    registers,
    collect: () => reachable.set(Number(limiter.status.redis?.isReachable ?? false)),
  })
}
