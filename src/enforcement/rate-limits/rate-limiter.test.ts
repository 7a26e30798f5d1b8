import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestDatabase } from '../../../test/testkit/databases.js'
import { HandClock } from '../../../test/testkit/hand-clock.js'
import { ruleWith, stateOf } from '../../../test/testkit/limits.js'
import type { Decision, LimitedCall, OpenRateLimiter, RateLimitSubjects } from '../../core/contract/limiter.js'
import type { Database } from '../../core/database/database.js'
import { createLog } from '../../core/platform/log.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { openRateLimiter } from './rate-limiter.js'

const log = createLog({ logLevel: 'silent' })
const CLIENT = '01900000-0000-7000-8000-000000000001'
const OTHER = '01900000-0000-7000-8000-000000000002'

let database: Database
const open: OpenRateLimiter[] = []

beforeAll(async () => {
  database = await openTestDatabase('pglite')
})
afterAll(async () => {
  for (const limiter of open) await limiter.close()
  await database.close()
})

async function limiterWith(clock = new HandClock()): Promise<{ limiter: OpenRateLimiter; clock: HandClock }> {
  const settings = { redisUrl: undefined, environmentName: 'test', authFailuresPerMinute: 3 }
  const limiter = await openRateLimiter({ settings, clock, log, database })
  open.push(limiter)
  return { limiter, clock }
}

const callOf = (snapshot: Snapshot, subjects: Partial<RateLimitSubjects> = {}, cost = 1): LimitedCall => ({
  snapshot,
  subjects: { ip: '192.0.2.1', clientId: CLIENT, user: null, ...subjects },
  cost,
})

/** In memory every answer is there at once. */
function now(decision: Decision | Promise<Decision>): Decision {
  if (decision instanceof Promise) throw new TypeError('a promise')
  return decision
}

/** How many of so many calls are let through. */
function letThrough(limiter: OpenRateLimiter, call: LimitedCall, count: number): number {
  return Array.from({ length: count }, () => now(limiter.consume(call))).filter(({ isAllowed }) => isAllowed).length
}

describe('a call', () => {
  it('that no rule applies to is let through, at once and without a word', async () => {
    const { limiter } = await limiterWith()
    const nothing = { isAllowed: true, retryAfterSeconds: null, rules: [] }
    expect(limiter.isIdle(stateOf())).toBe(true)
    expect(now(limiter.consume(callOf(stateOf())))).toEqual(nothing)
    const userRule = stateOf(ruleWith({ scope: 'USER' }))
    expect(limiter.isIdle(userRule)).toBe(false)
    expect(now(limiter.consume(callOf(userRule)))).toEqual(nothing)
    expect(now(limiter.consume(callOf(stateOf(ruleWith()), {}, 0)))).toEqual(nothing)
  })

  it('is told what each rule says', async () => {
    const { limiter, clock } = await limiterWith()
    const rule = ruleWith({ maxRequests: 2, windowSeconds: 10 })
    const call = callOf(stateOf(rule))
    const said = { ruleId: rule.id, scope: 'GLOBAL', name: 'global', limit: 2, windowSeconds: 10, isShadow: false }
    const allowed = { ...said, retryAfterSeconds: null, isExceeded: false, isAllowed: true }
    expect(now(limiter.consume(call))).toEqual({
      isAllowed: true,
      retryAfterSeconds: null,
      rules: [{ ...allowed, remaining: 1, resetSeconds: 10 }],
    })
    clock.pass(4_000)
    expect(now(limiter.consume(call)).rules).toEqual([{ ...allowed, remaining: 0, resetSeconds: 6 }])
    // In the next window one unit fits when the two of this one have faded to one: after half of it.
    const denied = { ...said, isExceeded: true, isAllowed: false, remaining: 0, resetSeconds: 11.001, retryAfterSeconds: 11.001 }
    expect(now(limiter.consume(call))).toEqual({ isAllowed: false, retryAfterSeconds: 11.001, rules: [denied] })
    clock.pass(11_001)
    expect(now(limiter.consume(call)).isAllowed).toBe(true)
  })

  it('that costs more than a limit is told that waiting does not help', async () => {
    const { limiter } = await limiterWith()
    expect(now(limiter.consume(callOf(stateOf(ruleWith({ maxRequests: 5 })), {}, 6)))).toMatchObject({
      isAllowed: false,
      retryAfterSeconds: null,
    })
  })

  it('takes its cost', async () => {
    const { limiter } = await limiterWith()
    const state = stateOf(ruleWith({ maxRequests: 10 }))
    expect(letThrough(limiter, callOf(state, {}, 3), 5)).toBe(3)
    expect(letThrough(limiter, callOf(state), 5)).toBe(1)
  })

  it('that one rule denies takes from none', async () => {
    const { limiter } = await limiterWith()
    const wide = ruleWith({ maxRequests: 10 })
    const narrow = ruleWith({ scope: 'API_KEY', maxRequests: 2 })
    const state = stateOf(wide, narrow)
    expect(letThrough(limiter, callOf(state), 50)).toBe(2)
    expect(letThrough(limiter, callOf(state, { clientId: null }), 50)).toBe(8)
  })

  it('is only looked at by peek', async () => {
    const { limiter } = await limiterWith()
    const call = callOf(stateOf(ruleWith({ maxRequests: 1 })))
    for (let round = 0; round < 3; round += 1) expect(now(limiter.peek(call))).toMatchObject({ isAllowed: true, rules: [{ remaining: 1 }] })
    now(limiter.consume(call))
    expect(now(limiter.peek(call))).toMatchObject({ isAllowed: false, rules: [{ remaining: 0 }] })
  })
})

describe('subjects', () => {
  it('of IP are addresses, IPv6 by the /64, however they are written', async () => {
    const { limiter } = await limiterWith()
    const state = stateOf(ruleWith({ scope: 'IP', maxRequests: 3 }))
    const from = (ip: string) => letThrough(limiter, callOf(state, { ip }), 1)
    expect(['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '192.0.2.1'].map(from)).toEqual([1, 1, 1, 0])
    expect(['2001:db8:0:1::1', '2001:DB8:0:1:ffff::2', '2001:db8::1:0:0:0:3', '2001:db8:0:1:1:2:3:4'].map(from)).toEqual([1, 1, 1, 0])
    expect(from('2001:db8:0:2::1')).toBe(1)
    expect(from('192.0.2.2')).toBe(1)
  })

  it('of USER are counted for each client', async () => {
    const { limiter } = await limiterWith()
    const state = stateOf(ruleWith({ scope: 'USER', maxRequests: 2 }))
    const by = (clientId: string | null, user: string) => letThrough(limiter, callOf(state, { clientId, user }), 5)
    expect([by(CLIENT, 'ann'), by(CLIENT, 'bob'), by(OTHER, 'ann'), by(CLIENT, 'ann')]).toEqual([2, 2, 2, 0])
    // Without a key nobody is believed to act for somebody.
    expect(by(null, 'ann')).toBe(5)
  })

  it('of API_KEY are clients, and those of GLOBAL everybody', async () => {
    const { limiter } = await limiterWith()
    const keys = stateOf(ruleWith({ scope: 'API_KEY', maxRequests: 2 }))
    expect([CLIENT, OTHER, CLIENT].map((clientId) => letThrough(limiter, callOf(keys, { clientId }), 5))).toEqual([2, 2, 0])
    const everybody = stateOf(ruleWith({ maxRequests: 2 }))
    expect([CLIENT, OTHER].map((clientId) => letThrough(limiter, callOf(everybody, { clientId }), 5))).toEqual([2, 0])
  })
})

describe('a rule', () => {
  it('on an exact key replaces the one on "*", also where it allows more', async () => {
    const { limiter } = await limiterWith()
    const state = stateOf(ruleWith({ scope: 'API_KEY', maxRequests: 2 }), ruleWith({ scope: 'API_KEY', key: CLIENT, maxRequests: 7 }))
    expect(letThrough(limiter, callOf(state), 50)).toBe(7)
    expect(letThrough(limiter, callOf(state, { clientId: OTHER }), 50)).toBe(2)
  })

  it('that is off is as good as none', async () => {
    const { limiter } = await limiterWith()
    const off = ruleWith({ scope: 'API_KEY', key: CLIENT, maxRequests: 1, isEnabled: false })
    expect(limiter.isIdle(stateOf(off))).toBe(true)
    expect(letThrough(limiter, callOf(stateOf(off, ruleWith({ scope: 'API_KEY', maxRequests: 4 }))), 50)).toBe(4)
  })

  it('in the shadow counts, tells what it would deny, and denies nothing', async () => {
    const { limiter } = await limiterWith()
    const call = callOf(stateOf(ruleWith({ maxRequests: 2, isShadow: true })))
    expect(letThrough(limiter, call, 5)).toBe(5)
    expect(now(limiter.consume(call))).toMatchObject({
      isAllowed: true,
      retryAfterSeconds: null,
      rules: [{ isShadow: true, isExceeded: true, isAllowed: true, remaining: 0 }],
    })
    expect(limiter.status).toMatchObject({ denials: { GLOBAL: 0 }, shadowDenials: { GLOBAL: 4 } })
  })

  it('in the shadow takes the place of none that is in force', async () => {
    const { limiter } = await limiterWith()
    const state = stateOf(
      ruleWith({ scope: 'API_KEY', maxRequests: 2 }),
      ruleWith({ scope: 'API_KEY', key: CLIENT, maxRequests: 7, isShadow: true }),
    )
    expect(letThrough(limiter, callOf(state), 50)).toBe(2)
  })

  it('goes on counting with another limit, and begins anew with another window', async () => {
    const { limiter } = await limiterWith()
    const rule = ruleWith({ maxRequests: 2 })
    expect(letThrough(limiter, callOf(stateOf(rule)), 5)).toBe(2)
    expect(letThrough(limiter, callOf(stateOf({ ...rule, maxRequests: 3 })), 5)).toBe(1)
    expect(letThrough(limiter, callOf(stateOf({ ...rule, windowSeconds: 61 })), 5)).toBe(2)
  })

  it('counts for other services on the same counters', async () => {
    const { limiter } = await limiterWith()
    const state = stateOf(ruleWith({ scope: 'API_KEY', maxRequests: 5 }))
    expect(letThrough(limiter, callOf(state), 2)).toBe(2)
    expect(now(limiter.consumeFor({ snapshot: state, scope: 'API_KEY', key: CLIENT, cost: 3 }))).toMatchObject({
      isAllowed: true,
      rules: [{ remaining: 0 }],
    })
    expect(letThrough(limiter, callOf(state), 2)).toBe(0)
    expect(now(limiter.consumeFor({ snapshot: state, scope: 'GLOBAL', key: '*', cost: 1 }))).toMatchObject({ isAllowed: true, rules: [] })
  })
})

describe('the clock', () => {
  it.each([-3_600_000, 3_600_000])('set by %i ms changes no limit', async (jumpMs) => {
    const { limiter, clock } = await limiterWith()
    const call = callOf(stateOf(ruleWith({ maxRequests: 10, windowSeconds: 60 })))
    expect(letThrough(limiter, call, 20)).toBe(10)
    clock.wallMs += jumpMs
    expect(letThrough(limiter, call, 20)).toBe(0)
    clock.pass(30_000)
    expect(letThrough(limiter, call, 20)).toBe(0)
    // Into the next window by half: half of the ten still count.
    clock.pass(60_000)
    expect(letThrough(limiter, call, 20)).toBe(5)
    expect(now(limiter.peek(call)).rules[0]?.resetSeconds).toBeLessThanOrEqual(120)
  })
})

describe('failed authentications', () => {
  it('are counted by address, IPv6 by the /64, and looked at again after a while', async () => {
    const { limiter, clock } = await limiterWith()
    const fail = (ip: string) => limiter.failAuthentication(ip)
    expect(['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2'].map(fail)).toEqual([
      undefined,
      undefined,
      undefined,
      80.001,
      undefined,
    ])
    expect(['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4'].map(fail).at(-1)).toBe(80.001)
    expect(limiter.status.authenticationDenials).toBe(2)
    clock.pass(80_001)
    expect(fail('192.0.2.1')).toBe(undefined)
  })

  it('are not counted where the settings say so', async () => {
    const clock = new HandClock()
    const limiter = await openRateLimiter({
      settings: { redisUrl: undefined, environmentName: 'test', authFailuresPerMinute: 0 },
      clock,
      log,
      database,
    })
    open.push(limiter)
    expect(Array.from({ length: 100 }, () => limiter.failAuthentication('192.0.2.1')).filter((answer) => answer !== undefined)).toEqual([])
  })
})
