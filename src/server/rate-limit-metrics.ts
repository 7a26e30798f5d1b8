import type { LimiterStatus, RateLimiter } from '../core/contract/limiter.js'
import { type Measure, samplesBy, single } from '../core/contract/measure.js'

/** What the limiter has counted. */
export function limitMeasures(limiter: Pick<RateLimiter, 'status'>): readonly Measure[] {
  const of = (kind: Measure['kind']) => (name: string, help: string, read: (status: LimiterStatus) => number) =>
    single(kind, name, { help, read: () => read(limiter.status) })
  const [counter, gauge] = [of('counter'), of('gauge')]
  return [
    denialMeasure(limiter),
    counter(
      'valhalla_authentication_denials_total',
      'Calls without a valid key beyond what one address may send.',
      ({ authenticationDenials }) => authenticationDenials,
    ),
    counter(
      'valhalla_rate_limit_evictions_total',
      'Subjects that were forgotten early, for there were too many.',
      ({ evictions }) => evictions,
    ),
    counter('valhalla_rate_limit_redis_outages_total', 'Times that Redis was lost.', ({ redis }) => redis?.outages ?? 0),
    counter(
      'valhalla_rate_limit_insured_calls_total',
      'Calls that were counted in memory, for Redis was away.',
      ({ redis }) => redis?.insuredCalls ?? 0,
    ),
    gauge('valhalla_rate_limit_subjects', 'Subjects whose counters are in memory.', ({ subjects }) => subjects),
    gauge('valhalla_rate_limit_redis_configured', '1 when limits shall be counted in Redis, 0 when REDIS_URL is not set.', ({ redis }) =>
      Number(redis !== null),
    ),
    gauge(
      'valhalla_rate_limit_redis_reachable',
      '1 when limits are counted in Redis, 0 when they are counted in memory, which is so without REDIS_URL as well.',
      ({ redis }) => Number(redis?.isReachable ?? false),
    ),
  ]
}

function denialMeasure(limiter: Pick<RateLimiter, 'status'>): Measure {
  return {
    name: 'valhalla_rate_limit_denials_total',
    help: 'Calls beyond a rate limit, by the scope of the rule; those of shadow rules were let through.',
    kind: 'counter',
    labelNames: ['scope', 'shadow'],
    read() {
      const { denials, shadowDenials } = limiter.status
      const withShadow = (counts: Readonly<Record<string, number>>, shadow: string) =>
        samplesBy('scope', Object.entries(counts)).map(({ value, labels }) => ({ value, labels: { ...labels, shadow } }))
      return [...withShadow(denials, 'false'), ...withShadow(shadowDenials, 'true')]
    },
  }
}
