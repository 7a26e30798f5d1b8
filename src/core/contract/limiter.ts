import { hash } from 'node:crypto'
import { scrubApiKeys } from '../platform/scrub.js'
import type { Snapshot } from '../state/snapshot.js'

/** What a rate limit counts: addresses, API clients, the clients' own users, or everybody together. */
export const RATE_LIMIT_SCOPES = ['IP', 'USER', 'API_KEY', 'GLOBAL'] as const
export type RateLimitScope = (typeof RATE_LIMIT_SCOPES)[number]

/** Who makes a call, as far as limits are concerned. */
export interface RateLimitSubjects {
  /** Address of the client, behind the trusted proxies. */
  readonly ip: string
  /** Id of the API client; null for somebody without a key. */
  readonly clientId: string | null
  /** The end user that the client names in `X-Valhalla-User`, counted per client; null when it names none. */
  readonly user: string | null
}

/** What one rule says to one call. Times are in seconds, rounded up to milliseconds. */
export interface RuleDecision {
  readonly ruleId: string
  readonly scope: RateLimitScope
  /** Name of the policy in headers: the scope in lower case, such as `api-key`. */
  readonly name: string
  readonly limit: number
  readonly windowSeconds: number
  /** What is left for the subject now, in whole units of cost. */
  readonly remaining: number
  /** Until the current window ends, or until trying again makes sense where that is later. */
  readonly resetSeconds: number
  /** Until a call of this cost fits again if nobody else calls; null when it fits now, and when it never will. */
  readonly retryAfterSeconds: number | null
  readonly isShadow: boolean
  /** Whether the call goes beyond the limit. */
  readonly isExceeded: boolean
  /** False when this rule denies the call; a shadow rule never does. */
  readonly isAllowed: boolean
}

/** What all rules together say to one call. */
export interface Decision {
  readonly isAllowed: boolean
  /** Until no rule denies the call any more; null when it is allowed, and when its cost is above a limit. */
  readonly retryAfterSeconds: number | null
  /** Every rule that applied; empty when none did. */
  readonly rules: readonly RuleDecision[]
}

/** One call to be counted. */
export interface LimitedCall {
  /** The state that holds the rules. */
  readonly snapshot: Snapshot
  readonly subjects: RateLimitSubjects
  /** Units that it takes; a call of cost 0 is not limited. */
  readonly cost: number
}

/** A call that another service wants to be counted. */
export interface LimitedSubject {
  readonly snapshot: Snapshot
  readonly scope: RateLimitScope
  /** The subject, normalised as in the keys of rules; "*" for GLOBAL. */
  readonly key: string
  readonly cost: number
}

/** What the limiter has done since the start of this process. */
export interface LimiterStatus {
  /** Denied calls by the scope of each rule that denied them. */
  readonly denials: Readonly<Record<RateLimitScope, number>>
  /** The same for what shadow rules would have denied. */
  readonly shadowDenials: Readonly<Record<RateLimitScope, number>>
  /** Attempts to authenticate that were refused unseen, for there had been too many. */
  readonly authenticationDenials: number
  /** Subjects whose counters are in memory. */
  readonly subjects: number
  /** Subjects that were forgotten before their time to keep memory bounded. */
  readonly evictions: number
  /** Null without Redis. */
  readonly redis: { readonly isReachable: boolean; readonly outages: number; readonly insuredCalls: number } | null
}

/**
 * Counts calls under the rules of a snapshot. Answers with a value while counters are in memory or no rule applies, and
 * with a promise when Redis has to be asked. Never fails.
 */
export interface RateLimiter {
  /** Whether the snapshot has no rule in force, so that nothing need be asked. */
  isIdle(snapshot: Snapshot): boolean
  /** Takes `cost` from every rule that fits the call, or, when one of them denies it, from none. */
  consume(call: LimitedCall): Decision | Promise<Decision>
  /** What {@link consume} would say, without taking anything. */
  peek(call: LimitedCall): Decision | Promise<Decision>
  /** {@link consume} for one scope and key, on the same counters; the rule in force alone counts, and shadow rules. */
  consumeFor(call: LimitedSubject): Decision | Promise<Decision>
  /**
   * Counts a failed authentication from an address. Answers how many seconds further failures of it are refused unseen,
   * or undefined while they are not.
   */
  failAuthentication(ip: string): number | undefined
  readonly status: LimiterStatus
}

/** A {@link RateLimiter} with its connections, to be closed. */
export interface OpenRateLimiter extends RateLimiter {
  /** Flushes what was counted for the last time. Never throws. */
  close(): Promise<void>
}

/** The key that means each subject of a scope, each counted alone. */
export const ANY_SUBJECT = '*'

/** What the name of a user may be as it is: visible ASCII and spaces, at most this long. */
const PLAIN_USER = /^[\x20-\x7e]{1,200}$/

/**
 * The subject of USER limits: `<client id>:<user>` (client ids hold no colon), so that one client's users are not another's.
 * A name that is too long to be kept, or not ASCII, or an API key in the wrong place, is counted as its digest.
 */
export function userSubject(clientId: string, user: string): string {
  const name = PLAIN_USER.test(user) && scrubApiKeys(user) === user ? user : `sha256-${hash('sha256', user, 'base64url')}`
  return `${clientId}:${name}`
}
