import type { Decision, LimitedCall, LimitedSubject, LimiterStatus, OpenRateLimiter } from '../../core/contract/limiter.js'
import type { QueryableDatabase } from '../../core/database/database.js'
import type { Clock } from '../../core/platform/clock.js'
import type { Log } from '../../core/platform/log.js'
import type { Settings } from '../../core/platform/settings.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { rateLimitRuleCollection } from '../../packs/rate-limits/index.js'
import type { CounterReading, Counters } from './counters/counters.js'
import { InsuredCounters } from './counters/insured-counters.js'
import { MemoryCounters } from './counters/memory-counters.js'
import type { RedisCounters, RedisCountersOptions } from './counters/redis-counters.js'
import { decisionOf, UNLIMITED } from './decision.js'
import { FailedAuthentications } from './failed-authentications.js'
import { type AppliedRule, createRuleBooks, type RuleBook, zeroByScope } from './rule-book.js'
import { SnapshotFlush } from './snapshot-flush.js'
import { Tally } from './tally.js'

/** What a limiter is made of. */
export interface RateLimiterOptions {
  readonly settings: Pick<Settings, 'redisUrl' | 'environmentName' | 'authFailuresPerMinute'>
  readonly clock: Clock
  readonly log: Log
  readonly database: Pick<QueryableDatabase, 'ask' | 'assertWritable'>
}

/** A limiter that counts in Redis where the settings name one, else in memory. Never fails for the want of Redis. */
export async function openRateLimiter(options: RateLimiterOptions): Promise<OpenRateLimiter> {
  const { settings, clock, log } = options
  const { redisUrl: url, environmentName } = settings
  const redis = url === undefined ? undefined : await openRedisCounters({ url, environmentName, clock, log })
  return new Limiter(options, redis)
}

/** Redis' client is loaded by those who have a Redis alone. */
async function openRedisCounters(options: RedisCountersOptions): Promise<RedisCounters> {
  const { RedisCounters } = await import('./counters/redis-counters.js')
  const counters = new RedisCounters(options)
  await counters.open()
  return counters
}

class Limiter implements OpenRateLimiter {
  readonly #bookOf = createRuleBooks()
  readonly #tally = new Tally()
  readonly #denials = zeroByScope()
  readonly #shadowDenials = zeroByScope()
  readonly #memory: MemoryCounters
  readonly #redis: RedisCounters | undefined
  readonly #insured: InsuredCounters | undefined
  readonly #counters: Counters
  readonly #failures: FailedAuthentications
  readonly #flush: SnapshotFlush

  constructor({ settings, clock, log, database }: RateLimiterOptions, redis: RedisCounters | undefined) {
    this.#memory = new MemoryCounters({ clock, log })
    this.#redis = redis
    this.#insured = redis && new InsuredCounters(redis, this.#memory)
    this.#counters = this.#insured ?? this.#memory
    this.#failures = new FailedAuthentications({ perMinute: settings.authFailuresPerMinute, clock, log })
    const onFlush = (): void => {
      this.#memory.sweep()
      this.#failures.sweep()
    }
    this.#flush = new SnapshotFlush({ database, clock, log, counters: this.#counters, tally: this.#tally, onFlush })
  }

  get status(): LimiterStatus {
    const { evictions, size: subjects } = this.#memory
    return {
      denials: { ...this.#denials },
      shadowDenials: { ...this.#shadowDenials },
      authenticationDenials: this.#failures.denials,
      subjects,
      evictions,
      redis: this.#redis
        ? { isReachable: this.#redis.isReachable, outages: this.#redis.outages, insuredCalls: this.#insured?.insuredCalls ?? 0 }
        : null,
    }
  }

  isIdle(snapshot: Snapshot): boolean {
    return this.#book(snapshot).isEmpty
  }

  consume({ snapshot, subjects, cost }: LimitedCall): Decision | Promise<Decision> {
    const book = this.#book(snapshot)
    if (cost === 0 || book.isEmpty) return UNLIMITED
    return this.#take(book.rulesFor(subjects), cost)
  }

  consumeFor({ snapshot, scope, key, cost }: LimitedSubject): Decision | Promise<Decision> {
    return this.#take(this.#book(snapshot).rulesOf(scope, key), cost)
  }

  peek({ snapshot, subjects, cost }: LimitedCall): Decision | Promise<Decision> {
    const applied = this.#book(snapshot).rulesFor(subjects)
    if (applied.length === 0) return UNLIMITED
    const readings = this.#counters.look(applied, cost)
    return readings instanceof Promise ? readings.then((read) => decisionOf(applied, read, cost)) : decisionOf(applied, readings, cost)
  }

  failAuthentication(ip: string): number | undefined {
    return this.#failures.count(ip)
  }

  async close(): Promise<void> {
    await this.#flush.close()
    this.#redis?.close()
  }

  #book(snapshot: Snapshot): RuleBook {
    return this.#bookOf(snapshot.view(rateLimitRuleCollection))
  }

  #take(applied: readonly AppliedRule[], cost: number): Decision | Promise<Decision> {
    if (applied.length === 0) return UNLIMITED
    const readings = this.#counters.take(applied, cost)
    return readings instanceof Promise ? readings.then((read) => this.#settle(applied, read, cost)) : this.#settle(applied, readings, cost)
  }

  /** Notes what came of a call. */
  #settle(applied: readonly AppliedRule[], readings: readonly CounterReading[], cost: number): Decision {
    for (const [index, rule] of applied.entries()) {
      const isDenied = !readings[index]?.isFitting
      this.#tally.note(rule, isDenied)
      if (isDenied) (rule.isShadow ? this.#shadowDenials : this.#denials)[rule.rule.scope] += 1
    }
    return decisionOf(applied, readings, cost)
  }
}
