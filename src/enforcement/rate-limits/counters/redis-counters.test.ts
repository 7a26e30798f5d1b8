import { afterEach, describe, expect, it } from 'vitest'
import { ruleWith, stateOf } from '../../../../test/testkit/limits.js'
import { canStartRedis, type OwnRedis, redisNamespace, startRedis, TEST_REDIS_URL } from '../../../../test/testkit/redis.js'
import { startTcpProxy, type TcpProxy } from '../../../../test/testkit/tcp-proxy.js'
import { until } from '../../../../test/testkit/until.js'
import type { LimitedCall, OpenRateLimiter } from '../../../core/contract/limiter.js'
import { systemClock } from '../../../core/platform/clock.js'
import { createLog } from '../../../core/platform/log.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { openRateLimiter } from '../rate-limiter.js'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

/** A replica: a limiter of its own, whose counters are never reported. */
async function replica(redisUrl: string, environmentName: string) {
  const logged: Record<string, unknown>[] = []
  const log = createLog({ logLevel: 'info' }, { write: (line) => void logged.push(JSON.parse(line)) })
  const database = { ask: () => Promise.reject(new Error('there is no database')), assertWritable: async () => undefined }
  const settings = { redisUrl, environmentName, authFailuresPerMinute: 0 }
  const limiter = await openRateLimiter({ settings, clock: systemClock, log, database })
  endings.push(() => limiter.close())
  const messages = (): unknown[] => logged.map(({ msg }) => msg).filter((msg) => String(msg).startsWith('Redis'))
  return { limiter, messages }
}

function namespaced(url: string): string {
  const { environmentName, clean } = redisNamespace(url)
  endings.push(clean)
  return environmentName
}

const callOf = (snapshot: Snapshot): LimitedCall => ({ snapshot, subjects: { ip: '192.0.2.1', clientId: null, user: null }, cost: 1 })

async function letThrough(limiters: readonly OpenRateLimiter[], call: LimitedCall, count: number): Promise<number> {
  const asked = Array.from({ length: count }, (_, index) => limiters[index % limiters.length]?.consume(call))
  const decisions = await Promise.all(asked)
  return decisions.filter((decision) => decision?.isAllowed).length
}

describe.skipIf(TEST_REDIS_URL === undefined)('counters in Redis', () => {
  const url = TEST_REDIS_URL ?? ''

  it('are one count for all replicas, exact under load', async () => {
    const environment = namespaced(url)
    const replicas = await Promise.all([replica(url, environment), replica(url, environment), replica(url, environment)])
    const call = callOf(stateOf(ruleWith({ maxRequests: 100 }), ruleWith({ scope: 'IP', maxRequests: 1_000 })))
    expect(
      await letThrough(
        replicas.map(({ limiter }) => limiter),
        call,
        1_000,
      ),
    ).toBe(100)
    for (const { limiter } of replicas) {
      const { rules } = await limiter.peek(call)
      expect(rules.map(({ remaining }) => remaining).sort((a, b) => a - b)).toEqual([0, 900])
    }
  })

  it('of other deployments are others', async () => {
    const [one, other] = [await replica(url, namespaced(url)), await replica(url, namespaced(url))]
    const call = callOf(stateOf(ruleWith({ maxRequests: 5 })))
    expect([await letThrough([one.limiter], call, 10), await letThrough([other.limiter], call, 10)]).toEqual([5, 5])
  })
})

describe.skipIf(!canStartRedis)('a Redis that goes away', () => {
  async function ownRedis(): Promise<OwnRedis> {
    const redis = await startRedis()
    endings.push(() => redis.kill())
    return redis
  }

  async function proxyTo(redis: OwnRedis): Promise<TcpProxy> {
    const proxy = await startTcpProxy(redis.url)
    endings.push(() => proxy.close())
    return proxy
  }

  it('fails no call: the memory of each replica takes over at once, and lets through at most one more limit', async () => {
    const redis = await ownRedis()
    const replicas = await Promise.all([replica(redis.url, 'outage'), replica(redis.url, 'outage')])
    const limiters = replicas.map(({ limiter }) => limiter)
    const call = callOf(stateOf(ruleWith({ maxRequests: 100, windowSeconds: 600 })))
    let passed = await letThrough(limiters, call, 60)
    expect(passed).toBe(60)
    const underWay = letThrough(limiters, call, 200)
    await redis.kill()
    passed += await underWay
    await until(() => limiters.every(({ status }) => status.redis?.isReachable === false))
    passed += await letThrough(limiters, call, 1_000)
    // Each replica knows what it has let through itself: together they stay below one limit each.
    expect(passed).toBeGreaterThanOrEqual(100)
    expect(passed).toBeLessThanOrEqual(200)
    await redis.start()
    await until(() => limiters.every(({ status }) => status.redis?.isReachable === true))
    // What Redis held was lost with it.
    passed += await letThrough(limiters, call, 1_000)
    expect(passed).toBeLessThanOrEqual(300)
    for (const { limiter, messages } of replicas) {
      expect(messages()).toEqual([
        'Redis is away: until it is back, each replica counts rate limits for itself',
        'Redis is back: rate limits are counted there again',
      ])
      expect(limiter.status.redis?.outages).toBe(1)
      expect(limiter.status.redis?.insuredCalls).toBeGreaterThanOrEqual(500)
    }
  })

  it('and comes back empty, again and again, lets each replica through one limit', async () => {
    const redis = await ownRedis()
    const replicas = await Promise.all([replica(redis.url, 'empty'), replica(redis.url, 'empty')])
    const limiters = replicas.map(({ limiter }) => limiter)
    const call = callOf(stateOf(ruleWith({ maxRequests: 100, windowSeconds: 600 })))
    let passed = await letThrough(limiters, call, 1_000)
    expect(passed).toBe(100)
    for (let returns = 0; returns < 3; returns += 1) {
      await redis.kill()
      await until(() => limiters.every(({ status }) => status.redis?.isReachable === false))
      await redis.start()
      await until(() => limiters.every(({ status }) => status.redis?.isReachable === true))
      passed += await letThrough(limiters, call, 1_000)
    }
    expect(passed).toBeLessThanOrEqual(200)
  })

  it('one process alone lets nothing more through while it is away, not even when that happens again', async () => {
    const redis = await ownRedis()
    const proxy = await proxyTo(redis)
    const { limiter } = await replica(proxy.url, 'again')
    const call = callOf(stateOf(ruleWith({ maxRequests: 50, windowSeconds: 600 })))
    expect(await letThrough([limiter], call, 40)).toBe(40)
    for (const expected of [10, 0]) {
      await proxy.cut()
      await until(() => limiter.status.redis?.isReachable === false)
      expect(await letThrough([limiter], call, 100)).toBe(expected)
      await proxy.restore()
      await until(() => limiter.status.redis?.isReachable === true)
    }
    expect(limiter.status.redis?.outages).toBe(2)
  })

  it('is waited for once when it does not answer, and not by each call', async () => {
    const redis = await ownRedis()
    const proxy = await proxyTo(redis)
    const { limiter } = await replica(proxy.url, 'stalled')
    const call = callOf(stateOf(ruleWith({ maxRequests: 1_000_000 })))
    await limiter.consume(call)
    proxy.stall()
    expect(await letThrough([limiter], call, 100)).toBe(100)
    // From now on the answer is there at once.
    for (let index = 0; index < 1_000; index += 1) expect(limiter.consume(call)).not.toBeInstanceOf(Promise)
    // It is tried twice a second, and nobody waits for that.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(limiter.consume(call)).not.toBeInstanceOf(Promise)
    await proxy.restore()
    await until(() => limiter.status.redis?.isReachable === true)
    expect(limiter.status.redis?.outages).toBe(1)
  })

  it('is counted in again when it was frozen and goes on', async () => {
    const redis = await ownRedis()
    const { limiter } = await replica(redis.url, 'frozen')
    const call = callOf(stateOf(ruleWith({ maxRequests: 10, windowSeconds: 600 })))
    expect(await letThrough([limiter], call, 4)).toBe(4)
    redis.freeze()
    expect(await letThrough([limiter], call, 100)).toBe(6)
    redis.thaw()
    await until(() => limiter.status.redis?.isReachable === true)
    expect(await letThrough([limiter], call, 100)).toBeLessThanOrEqual(6)
  })

  it('from the start keeps nobody from starting', async () => {
    const redis = await ownRedis()
    await redis.kill()
    const { limiter, messages } = await replica(redis.url, 'late')
    expect(messages()).toEqual(['Redis is away: until it is back, each replica counts rate limits for itself'])
    const call = callOf(stateOf(ruleWith({ maxRequests: 5 })))
    expect(await letThrough([limiter], call, 10)).toBe(5)
    await redis.start()
    await until(() => limiter.status.redis?.isReachable === true)
  })
})
